//! A driver on a socket of the loopback.

use std::net::UdpSocket;
use std::time::Duration;

use inputwire::{Config, PeerConfig};
use inputwire_udp::Driver;

#[test]
fn the_first_hello_is_sent_at_once_and_not_lost_before_the_runtime_knows_the_socket() -> std::io::Result<()> {
    let peer = UdpSocket::bind("127.0.0.1:0")?;
    peer.set_read_timeout(Some(Duration::from_secs(5)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let config = Config::builder().local_player(0).incarnation(1 << 63).build().expect("valid");
    let mut driver = Driver::<1, 1>::bind("127.0.0.1:0", config).expect("a port");
    driver.add_peer(peer.local_addr()?, PeerConfig::compact(1)).expect("room");
    // Nothing has waited for the runtime yet.
    let mut bytes = [0; 64];
    let (len, from) = peer.recv_from(&mut bytes)?;
    assert_eq!((len, bytes[0], Some(from)), (50, 0x20, driver.local_addr()));
    Ok(())
}
