"""One libtorrent peer for the rack: libtorrent-peer.py TORRENT FOLDER ADDRESS seed|fetch. Prints a line when it has all."""

import sys
import time

import libtorrent

torrent, folder, address, role = sys.argv[1:5]
session = libtorrent.session(
    {
        "listen_interfaces": f"{address}:6881",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "connections_limit": 500,
        "unchoke_slots_limit": 16,
        "max_out_request_queue": 1500,
        "torrent_connect_boost": 100,
        "min_reconnect_time": 1,
        "send_buffer_watermark": 2 << 20,
    }
)
options = {"ti": libtorrent.torrent_info(torrent), "save_path": folder}
if role == "seed":
    options["flags"] = libtorrent.torrent_flags.seed_mode
handle = session.add_torrent(options)
while not handle.status().is_seeding:
    time.sleep(0.05)
print("complete", flush=True)
while True:
    time.sleep(3600)
