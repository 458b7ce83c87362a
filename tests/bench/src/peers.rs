//! The peers, driven as their own examples do, over a socket in memory that says and reads bytes as their UDP sockets do.

pub mod fortress;
pub mod ggrs;

use std::cell::RefCell;
use std::rc::Rc;

use crate::duel::Datagrams;

/// The bytes on their way in and out of a session.
pub struct Wire {
    pub arrived: Datagrams,
    pub sent: Datagrams,
}

pub type Shared = Rc<RefCell<Wire>>;

pub fn wire() -> Shared {
    Rc::new(RefCell::new(Wire { arrived: Datagrams::roomy(), sent: Datagrams::roomy() }))
}

/// The messages that arrived from the only other player, but for those that cannot be read.
pub fn take_arrived<M>(wire: &Shared, read: impl Fn(&[u8]) -> Option<M>) -> Vec<(u8, M)> {
    let mut wire = wire.borrow_mut();
    let mut messages = Vec::new();
    for datagram in wire.arrived.iter() {
        if let Some(message) = read(datagram) {
            messages.push((0, message));
        }
    }
    wire.arrived.clear();
    messages
}

/// Hands over what was sent.
pub fn hand_over(wire: &Shared, out: &mut Datagrams) {
    let mut wire = wire.borrow_mut();
    for datagram in wire.sent.iter() {
        out.push(datagram);
    }
    wire.sent.clear();
}

/// Turns bytes into an input type of the peers, and back.
pub trait Wrap<const N: usize>:
    Copy + PartialEq + Eq + Default + serde::Serialize + serde::de::DeserializeOwned + 'static
{
    fn wrap(bytes: [u8; N]) -> Self;
    fn unwrap(self) -> [u8; N];
}

impl Wrap<1> for u8 {
    fn wrap([byte]: [u8; 1]) -> Self {
        byte
    }

    fn unwrap(self) -> [u8; 1] {
        [self]
    }
}

impl Wrap<8> for [u8; 8] {
    fn wrap(bytes: [u8; 8]) -> Self {
        bytes
    }

    fn unwrap(self) -> [u8; 8] {
        self
    }
}
