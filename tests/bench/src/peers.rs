//! The other libraries, driven as in their own examples, over a socket in memory that encodes messages as their UDP sockets
//! do.

pub mod fortress;
pub mod ggrs;

use std::cell::RefCell;
use std::rc::Rc;

use crate::duel::Datagrams;

/// The datagrams on the way into a session and out of it.
pub struct Wire {
    pub arrived: Datagrams,
    pub sent: Datagrams,
}

pub type Shared = Rc<RefCell<Wire>>;

pub fn wire() -> Shared {
    Rc::new(RefCell::new(Wire { arrived: Datagrams::with_capacity(), sent: Datagrams::with_capacity() }))
}

/// Returns the messages that arrived from the other player, except those that cannot be decoded.
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

/// Moves the sent datagrams to `out`.
pub fn hand_over(wire: &Shared, out: &mut Datagrams) {
    let mut wire = wire.borrow_mut();
    for datagram in wire.sent.iter() {
        out.push(datagram);
    }
    wire.sent.clear();
}

/// Converts bytes to an input type of the other libraries, and back.
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
