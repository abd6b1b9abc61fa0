"""HCCL's rank table: the JSON file that says which device is which rank. Both its layouts are read; the newer is written."""
import dataclasses
import json
import os

from blitznet_estimator import files, text_files
from blitznet_estimator.errors import UserError

MOST = 16  # devices of one server that HCCL can join: 1, 2, 4 or 8 of the first 910, any up to 8 of A2, any up to 16 of A3


@dataclasses.dataclass(frozen=True)
class RankDevice:
    """One device of a job."""
    rank: int
    server: str
    device: int  # physical number in its server
    address: str  # of the device's own network card


def read_rank_table(path):
    """The RankDevices of a rank table, by rank. Raises UserError, naming the file, where it is missing, broken or inconsistent."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            table = json.load(file)
        devices = _new_layout(table) if 'server_list' in table else _old_layout(table)
    except OSError as error:
        raise UserError('RANK_TABLE_FILE=%s cannot be read (%s).' % (path, error.strerror))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError('RANK_TABLE_FILE=%s is no rank table (%s: %s).' % (path, type(error).__name__, error))
    _check(path, devices)
    return tuple(sorted(devices, key=lambda device: device.rank))


def write_rank_table(path, devices):
    """Write the RankDevices as a rank table of version 1.0, whole or not at all."""
    _check(path, devices)
    servers = []
    for server in sorted({device.server for device in devices}):
        own = [device for device in devices if device.server == server]
        servers.append({'server_id': server, 'device': [
            {'device_id': str(device.device), 'device_ip': device.address, 'rank_id': str(device.rank)} for device in own]})
    table = {'version': '1.0', 'server_count': str(len(servers)), 'server_list': servers, 'status': 'completed'}
    files.write_json(path, table)


def read_addresses(path='/etc/hccn.conf'):
    """{device: address} from the driver's own configuration, lines like `address_0=192.168.100.101`; {} without the file."""
    if not os.path.isfile(path):
        return {}
    pairs = [line.split('=', 1) for line in text_files.lines(path) if line.startswith('address_') and '=' in line]
    return {int(key[len('address_'):]): value.strip() for key, value in pairs if key[len('address_'):].strip().isdecimal()}


def _new_layout(table):
    return [_device(device['rank_id'], server, device) for server in table['server_list'] for device in server['device']]


def _old_layout(table):
    """group_list / instance_list, as ModelArts wrote it; an instance without rank_id has its place in the list."""
    instances = [instance for group in table['group_list'] for instance in group['instance_list']]
    return [_device(instance.get('rank_id', index), instance, instance['devices'][0]) for index, instance in enumerate(instances)]


def _device(rank, server, fields):
    """The RankDevice of a rank in a server's entry. TypeError where a name or an address is no text."""
    texts = server['server_id'], fields.get('device_ip', '')
    if not all(isinstance(text, (str, int)) for text in texts):
        raise TypeError('a server_id or a device_ip is no text')
    return RankDevice(int(rank), str(texts[0]), int(fields['device_id']), str(texts[1]))


def _check(path, devices):
    if not devices:
        raise UserError('%s: the rank table holds no device.' % path)
    ranks = sorted(device.rank for device in devices)
    if ranks != list(range(len(devices))):
        raise UserError('%s: the rank table\'s ranks are %s; they must be 0 to %d, each once.' % (path, ranks, len(devices) - 1))
    places = [(device.server, device.device) for device in devices]
    if len(set(places)) < len(places):
        raise UserError('%s: the rank table gives one device to two ranks.' % path)
    bare = [device.rank for device in devices if not device.address]
    if bare and len(devices) > 1:
        raise UserError('%s: the rank table has no device_ip for rank %s; `hccn_tool -i <device> -ip -g` prints it.'
                        % (path, ', '.join(map(str, bare))))
    for server in sorted({device.server for device in devices}):
        count = sum(device.server == server for device in devices)
        if count > MOST:
            raise UserError('%s: %d devices on server %s, but HCCL joins %d at most.' % (path, count, server, MOST))
