# netem's table of the uniform distribution: without a table of its own, `uniform` could not be set again after
# `normal` (the kernel keeps the table it was last given). Standard form: 4096 values, scaled by 8192.
BEGIN {
    print "# uniform on [-1, 1]"
    for (i = 0; i < 4096; i++) printf "%d%s", (2 * i + 1 - 4096) * 2, (i % 8 == 7) ? "\n" : " "
}
