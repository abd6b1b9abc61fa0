"""Folders of exports: which is the newest."""
from blitznet_estimator import exports


def test_the_newest_is_the_largest_number_that_holds_what_is_asked_for(tmp_path):
    for name in ('9', '10', '11', '\u00b2', 'x12'):
        (tmp_path / name).mkdir()
        (tmp_path / name / ('model.onnx' if name == '11' else 'saved_model.pb')).write_text('')
    base = str(tmp_path)
    assert exports.newest(base, exports.GRAPH) == str(tmp_path / '10') == exports.newest(str(tmp_path / '10'), exports.GRAPH)
    assert exports.newest(base, 'model.onnx') == str(tmp_path / '11')
    assert sorted(exports.numbered(base, exports.GRAPH)) == [9, 10]
    assert exports.newest(base, 'none') == exports.newest(str(tmp_path / 'absent'), exports.GRAPH) == ''
