"""The command that converts a frozen graph for an Ascend chip, and the AIPP file that moves the input's normalisation onto it."""
import os
import shlex


def atc_command(graph, input_shape, outputs, soc_version='Ascend310', aipp='', log='error'):
    """Words of the atc command line.

    Args:
      graph: path of the .pb. input_shape: static. outputs: names, in the order that the .om gives them. aipp: path of an AIPP file.
    """
    words = ['atc', '--model=' + graph, '--framework=3', '--output=' + os.path.splitext(graph)[0], '--soc_version=' + soc_version,
             '--input_shape=input:' + ','.join(map(str, input_shape)), '--input_format=NHWC',
             '--out_nodes=' + ';'.join('%s:0' % name for name in outputs), '--output_type=FP32', '--log=' + log]
    return words + (['--insert_op_conf=' + aipp] if aipp else [])


def shell_line(words):
    """The words as one line of a shell."""
    return ' '.join(shlex.quote(word) for word in words)


def aipp_config(image_size, normalisation):
    """Text of an AIPP file: uint8 RGB in, a Normalisation of it out. The mean is whole parts and rests: AIPP holds these in float16."""
    lines = ['aipp_op {', '  aipp_mode: static', '  input_format: RGB888_U8', '  src_image_size_w: %d' % image_size,
             '  src_image_size_h: %d' % image_size, '  csc_switch: false', '  rbuv_swap_switch: %s' % str(normalisation.bgr).lower()]
    for channel, (mean, deviation) in enumerate(zip(normalisation.ordered_mean, normalisation.ordered_deviation)):
        lines += ['  mean_chn_%d: %d' % (channel, int(mean)), '  min_chn_%d: %.9f' % (channel, mean - int(mean)),
                  '  var_reci_chn_%d: %s' % (channel, 1 / deviation)]
    return '\n'.join(lines + ['}']) + '\n'
