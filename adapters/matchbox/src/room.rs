//! The socket of a room, and what can go wrong with it.

use matchbox_socket::{Packet, PeerId, PeerState, WebRtcChannel, WebRtcSocket};

use crate::error::MatchError;

/// The unreliable channel.
pub(crate) const INPUTS: usize = 0;
/// The reliable one.
pub(crate) const PLACES: usize = 1;

#[derive(Debug)]
pub(crate) struct Room {
    socket: WebRtcSocket,
}

impl Room {
    pub(crate) fn new(socket: WebRtcSocket) -> Self {
        Self { socket }
    }

    /// Returns the local id, once the server has assigned one.
    pub(crate) fn id(&mut self) -> Option<PeerId> {
        self.socket.id()
    }

    /// Returns who has come (`true`) and gone.
    pub(crate) fn changes(&mut self) -> Result<Vec<(PeerId, bool)>, MatchError> {
        let changes = self.socket.try_update_peers().map_err(|_| MatchError::Closed)?;
        Ok(changes.into_iter().map(|(id, state)| (id, state == PeerState::Connected)).collect())
    }

    pub(crate) fn receive(&mut self, channel: usize) -> Vec<(PeerId, Packet)> {
        self.socket.get_channel_mut(channel).map_or_else(|_| Vec::new(), WebRtcChannel::receive)
    }

    /// Sends, or loses it: the next [`changes`](Self::changes) tell if the socket is closed.
    pub(crate) fn send(&mut self, channel: usize, bytes: impl AsRef<[u8]>, to: PeerId) {
        if let Ok(channel) = self.socket.get_channel_mut(channel) {
            let _ = channel.try_send(Packet::copy_from_slice(bytes.as_ref()), to);
        }
    }

    pub(crate) fn close(&mut self) {
        self.socket.close();
    }
}
