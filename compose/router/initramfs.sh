# Makes $2/vmlinuz and $2/initrd.gz out of the unpacked kernel package $1: busybox, tc, every module the bump uses.
set -eu
kernel=$1 out=$2 here=$(dirname "$0")
modules="virtio_pci virtio_net virtio_console bridge sch_prio sch_netem sch_tbf cls_u32"
tables=/usr/lib/x86_64-linux-gnu/tc

[ -d "$kernel/lib/modules" ] || ln -s usr/lib "$kernel/lib"
version=$(ls "$kernel/lib/modules")
depmod -b "$kernel" "$version"
awk -f "$here/uniform.awk" > "$tables/uniform.dist"

root=$(mktemp -d)
cd "$root"
mkdir -p bin dev mods proc sys "./$tables" ./usr/sbin
cp /bin/busybox bin/
cp /usr/sbin/tc /usr/sbin/ethtool usr/sbin/
cp "$tables"/*.dist "./$tables"
for library in $(ldd /usr/sbin/tc /usr/sbin/ethtool | grep -o '/[^ )]*' | grep '\.so'); do
    mkdir -p "./$(dirname "$library")"
    cp -L "$library" "./$library"
done
for module in $modules; do
    modprobe -d "$kernel" -S "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > /tmp/order
while read -r file; do
    name=$(basename "$file" .xz)
    case $file in *.xz) xz -dc "$file" > "mods/$name" ;; *) cp "$file" "mods/$name" ;; esac
    echo "$name"
done < /tmp/order > mods/order
cp "$here/init" init
chmod +x init

mkdir -p "$out"
find . -exec touch -h -d @0 {} +
find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc | gzip -9 -n > "$out/initrd.gz"
cp "$kernel"/boot/vmlinuz-* "$out/vmlinuz"
cp "$tables/uniform.dist" "$out/"
