# The servers of the laboratory's public segment, to be sourced after topology.sh. Everything they write goes to LAB_LOG.
#
#   lab_coturn                 STUN and TURN in pub, on both public addresses and both families: UDP and TCP 3478, TLS 443 and 5349 (with
#                              TCP 443 too: coturn looks at the first bytes), relays of IPv4 and IPv6, RFC 5780 on 3479. User lab, password lab.
#   lab_coturn_stop            ends it as a power cut would
#   lab_certificates           a private CA (LAB_LOG/ca.pem) and a server certificate for the public addresses and turn.lab
#   lab_signaling [FLAGS...]   signaling-server in sig, at LAB_SIGNALING and its IPv6 address, port 443, the one that goes through everywhere

LAB_TURN_USER=lab
LAB_TURN_PASSWORD=lab
LAB_COTURN_PID=

lab_certificates() {
    local folder=$LAB_LOG
    if [ -e "$folder/server.pem" ]; then return 0; fi
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=laboratory CA" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=turn.lab" -keyout "$folder/server.key" -out "$folder/server.csr" 2>/dev/null
    printf 'subjectAltName=DNS:turn.lab,IP:%s,IP:%s,IP:%s,IP:%s\nextendedKeyUsage=serverAuth\n' \
        "$LAB_PUBLIC" "$LAB_PUBLIC_SECOND" "$LAB_PUBLIC_V6" "$LAB_PUBLIC_SECOND_V6" >"$folder/server.ext"
    openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 2 -extfile "$folder/server.ext" \
        -out "$folder/server.pem" 2>/dev/null
}

# RFC 5780 wants two addresses and two ports; the alternative TLS port is the one that firewalls let out.
lab_coturn_configuration() {
    cat <<CONFIG
listening-ip=$LAB_PUBLIC
listening-ip=$LAB_PUBLIC_SECOND
listening-ip=$LAB_PUBLIC_V6
listening-ip=$LAB_PUBLIC_SECOND_V6
relay-ip=$LAB_PUBLIC
relay-ip=$LAB_PUBLIC_V6
listening-port=3478
alt-listening-port=3479
tls-listening-port=5349
alt-tls-listening-port=443
cert=$LAB_LOG/server.pem
pkey=$LAB_LOG/server.key
realm=lab
lt-cred-mech
user=$LAB_TURN_USER:$LAB_TURN_PASSWORD
fingerprint
no-cli
no-dtls
rfc5780
relay-threads=1
pidfile=$LAB_LOG/coturn.pid
userdb=$LAB_LOG/coturn.db
log-file=$LAB_LOG/coturn.log
simple-log
verbose
CONFIG
}

lab_coturn() {
    lab_certificates
    lab_coturn_configuration >"$LAB_LOG/turnserver.conf"
    lab_start pub turnserver -c "$LAB_LOG/turnserver.conf" >"$LAB_LOG/coturn.out" 2>&1
    LAB_COTURN_PID=$LAB_PID
    lab_answers pub timeout 1 turnutils_stunclient -p 3478 "$LAB_PUBLIC"
    lab_listens pub "$LAB_PUBLIC:443"
}

lab_coturn_stop() {
    kill -KILL "$LAB_COTURN_PID"
    wait "$LAB_COTURN_PID" 2>/dev/null || LAB_COTURN_PID=
}

lab_signaling() {
    lab_start sig "$LAB_BUILD/signaling-server" --listen "[::]:443" "$@" >"$LAB_LOG/signaling-server.log" 2>&1
    lab_listens sig "$LAB_SIGNALING:443"
}
