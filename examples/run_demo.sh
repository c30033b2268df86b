#!/usr/bin/env bash
# The demonstration: input, both hosts under MPI, maps.   run_demo.sh VENV BUILD RANKS OUT [DATA]
# Left in OUT: input files, and in OUT/icon and OUT/wrf the component's files (lsbc_<year>.nc, landuse_<year>.nc,
# summary.json), a restart and maps.
set -eu
venv=$1 build=$2 ranks=$3 out=${4:-out} data=${5:-}
[[ $ranks =~ ^[1-9][0-9]*$ ]] || { echo "RANKS must be a whole number from 1, got '$ranks'." >&2; exit 2; }
if [ -n "$data" ] && [ ! -f "$data/bavaria_lu7_30arcsec_1992_2020.nc" ]; then
    echo "DATA=$data must be a folder with bavaria_lu7_30arcsec_1992_2020.nc and bavaria_statics_30arcsec.nc." >&2
    exit 2
fi
here=$(dirname "$0") logs=$build/logs
stage=$here/../tools/stage.sh
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

"$stage" "input: land use, statics, hosts" "$logs/demo_input.log" \
    "$venv/bin/python" "$here/demo_data.py" --out "$out" ${data:+--bavaria "$data"}
sed 's/^/    /' "$logs/demo_input.log"

for host in icon wrf; do
    first=$(sed -n 's/^first_year = //p' "$out/$host.toml")
    last=$(sed -n 's/^last_year = //p' "$out/$host.toml")
    middle=$(((first + last) / 2))
    rm -rf "${out:?}/$host"
    mkdir -p "$out/$host"
    printf '\n%s-style host on %d ranks\n' "$host" "$ranks"
    if ! mpirun --oversubscribe -n "$ranks" "$build/examples/${host}_style_host" "$out/$host.toml" "$out/${host}_host.nc" \
        "$first" "$last" --restart-write "$middle" "$out/$host/restart_$middle.nc" 2>"$logs/${host}_host.log"; then
        echo "${host}_style_host FAILED, log $logs/${host}_host.log:"
        tail -n 40 "$logs/${host}_host.log" | sed 's/^/    /'
        exit 1
    fi
done

echo
for host in icon wrf; do
    "$stage" "maps of the $host-style host" "$logs/${host}_maps.log" \
        "$venv/bin/python" "$here/demo_maps.py" --fine "$out/fine.nc" --results "$out/$host"
done
printf '\nResults:\n'
for host in icon wrf; do
    echo "    $out/$host: $(cd "$out/$host" && ls | wc -l) files, maps $(cd "$out/$host" && ls ./*.png | sed 's|^\./||' | tr '\n' ' ')"
done
