# To be sourced by lab_call.sh (DURING='. test/lab/turn_restart.sh') in the middle of a call that needs the relay: coturn dies without a word,
# is away for TURN_AWAY seconds (default 3), and comes back knowing nobody. Media must flow both ways again within 10 s of its listening again.
both_connected() { grep -qs "\"state\": *\"connected\"" "$LAB_LOG/caller.json" && grep -qs "\"state\": *\"connected\"" "$LAB_LOG/callee.json"; }
for turn in $(seq 200); do
    if both_connected; then break; fi
    sleep 0.1
done
sleep 2
lab_coturn_stop
echo "coturn is dead"
sleep "${TURN_AWAY:-3}"
lab_coturn
listening=$(date +%s.%N)
echo "coturn listens again"
test/lab/flows_again.py "$LAB_LOG" "$listening" 10
