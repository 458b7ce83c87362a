//! Every client of a server on one socket, as a state machine: addresses, datagrams and the time go in; datagrams, events and the
//! next deadline come out.

mod counters;
mod event;
mod limits;
pub(crate) mod prometheus;
mod rate;
mod silence;
mod timers;

use std::collections::{HashMap, VecDeque};
use std::hash::Hasher;
use std::net::SocketAddr;
use std::time::Duration;

use inputwire::{
    ConfigBuilder, Event, Frame, Health, Hello, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef,
    Session,
};
use siphasher::sip::SipHasher13;
use tracing::{info, trace};

pub use counters::Counters;
pub use event::{ClientId, LeaveReason, Refusal, ServerEvent};
pub use limits::Limits;

use crate::error::ClientError;
use rate::{Kind, Rate, Strangers};
use silence::Silence;
use timers::Timers;

/// The only peer of each session.
const CLIENT: PeerId = PeerId::new(0);
/// A client that was heard within this time has not moved: it is not tried for datagrams from unknown addresses.
const SILENT: Duration = Duration::from_millis(100);
const SOON: Duration = Duration::from_millis(1);
/// How many silent clients are tried for one datagram.
const TRIES_EACH: usize = 16;
/// How many sessions without a proof one player can have, so that a repeated hello does not keep its player out.
const UNPROVEN_EACH: usize = 4;

/// How many bytes an address that has proven nothing is sent for each byte that came from it: a hello with a forged address makes the
/// server no amplifier (RFC 9000, 8.1).
const AMPLIFICATION: usize = 3;
/// The longest datagram that such an address is sent: a hello with a key.
const HELLO_LEN: usize = 56;

/// Who a client is: the session id, and the player numbers of both ends.
type Identity = (u64, u16, u16);

/// Every client of a server on one socket, with a session for each.
///
/// Nothing here touches a socket or a clock: [`Server`](crate::Server) does. The calls are those of a
/// [`Session`], with an address where a session has a peer. In each turn call [`handle_datagram`](Self::handle_datagram) and
/// [`handle_timeout`](Self::handle_timeout), then [`poll_event`](Self::poll_event) until `None`, then
/// [`poll_transmit`](Self::poll_transmit) until `None`, and sleep until [`poll_timeout`](Self::poll_timeout).
///
/// **Admission.** A hello from an unknown address is shown to the caller's gate, which refuses it or gives the settings for this
/// client. The new session counts as a client once an answer to its own hello has come from there: a recorded hello
/// proves nothing, and until then no more than three times the bytes go back that came. A player that is here and alive is never given up for another one.
///
/// **Addresses.** A changed address is taken over when a datagram from it is fresh under the client's key: when
/// [`last_frame`](PeerRef::last_frame) grows. The old address stays known, so that the client wins it back with its next
/// datagram if somebody else was faster with it.
#[derive(Debug)]
pub struct Clients<const INPUT_LEN: usize, const WINDOW: usize = 120> {
    limits: Limits,
    slots: Vec<Slot<INPUT_LEN, WINDOW>>,
    free: Vec<u32>,
    by_address: HashMap<SocketAddr, u32>,
    /// The slot of each client that is here.
    by_identity: HashMap<Identity, u32>,
    /// The slots of those that have proven nothing yet, the oldest first.
    unproven: VecDeque<u32>,
    silence: Silence,
    timers: Timers,
    /// Slots that may have events, and slots that may have datagrams; each at most once.
    to_report: VecDeque<u32>,
    to_send: VecDeque<u32>,
    strangers: Strangers,
    tries: Rate,
    tries_used_until: u64,
    key: [u64; 2],
    is_closing: bool,
    counters: Counters,
}

#[derive(Debug)]
struct Slot<const INPUT_LEN: usize, const WINDOW: usize> {
    generation: u32,
    client: Option<Box<Client<INPUT_LEN, WINDOW>>>,
}

#[derive(Debug)]
struct Client<const INPUT_LEN: usize, const WINDOW: usize> {
    session: Session<1, INPUT_LEN, WINDOW>,
    identity: Identity,
    address: SocketAddr,
    /// The address before it moved.
    previous: Option<SocketAddr>,
    proof: Proof,
    /// How many more bytes may be sent to it before it has proven anything.
    credit: usize,
    has_moved: bool,
    /// It leaves for this reason when all its events are reported.
    leaves: Option<LeaveReason>,
    is_in_report: bool,
    is_in_send: bool,
}

/// Whether a client has answered the server's own hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// It has until then.
    Until(Instant),
    /// It has, and this is not reported yet.
    Given,
    Reported,
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Client<INPUT_LEN, WINDOW> {
    fn player(&self) -> u16 {
        self.identity.2
    }

    fn last_frame(&self) -> Option<Frame> {
        self.session.peer(CLIENT).and_then(PeerRef::last_frame)
    }

    /// Whether it is not interrupted.
    fn is_alive(&self) -> bool {
        let health = self.session.peer(CLIENT).map(PeerRef::health);
        !matches!(health, None | Some(Health::Interrupted | Health::Disconnected))
    }

    fn poll_transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<usize> {
        let is_proven = !matches!(self.proof, Proof::Until(_));
        if !is_proven && self.credit < HELLO_LEN {
            return None;
        }
        let len = self.session.poll_transmit(buf)?.datagram.len();
        self.credit = self.credit.saturating_sub(len);
        Some(len)
    }

    fn receive(&mut self, bytes: usize) {
        self.credit = self.credit.saturating_add(bytes.saturating_mul(AMPLIFICATION)).min(MAX_DATAGRAM_SIZE);
    }

    fn deadline(&self) -> Option<Instant> {
        if self.session.is_closed() {
            // Its leave is reported at the next occasion, and there must be one.
            return self.session.peer(CLIENT).map(|peer| peer.stats().at.saturating_add(SOON));
        }
        let proof = match self.proof {
            Proof::Until(until) => Some(until),
            Proof::Given | Proof::Reported => None,
        };
        [self.session.poll_timeout(), proof].into_iter().flatten().min()
    }

    /// Notes what an event means for the server itself.
    fn note(&mut self, event: &Event<INPUT_LEN>) {
        let reason = match event {
            Event::Peer { event: PeerEvent::PeerClosed { .. }, .. } | Event::Dropped { .. } => LeaveReason::Closed,
            Event::Peer { event: PeerEvent::Restarted, .. } => LeaveReason::Restarted,
            // A session that was closed here calls its peer disconnected, too, and has still to deliver and to say goodbye.
            Event::Peer { event: PeerEvent::Health { health: Health::Disconnected, silence }, .. }
                if *silence >= self.session.config().disconnect_after() =>
            {
                LeaveReason::Silent
            }
            _ => return,
        };
        self.leaves.get_or_insert(reason);
    }
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Clients<INPUT_LEN, WINDOW> {
    /// Creates a server without clients. The secret is drawn at random at each start: incarnations and the table of unknown
    /// addresses come from it.
    #[must_use]
    pub fn new(limits: Limits, secret: [u64; 2]) -> Self {
        Self {
            limits,
            slots: Vec::new(),
            free: Vec::new(),
            by_address: HashMap::new(),
            by_identity: HashMap::new(),
            unproven: VecDeque::new(),
            silence: Silence::new(),
            timers: Timers::default(),
            to_report: VecDeque::new(),
            to_send: VecDeque::new(),
            strangers: Strangers::new(limits.stranger_rate, limits.stranger_buckets, secret),
            tries: Rate::per_second(limits.tries_per_second),
            tries_used_until: 0,
            key: secret,
            is_closing: false,
            counters: Counters::default(),
        }
    }

    // Actions.

    /// Records the server's input of the next frame of one client. It is sent with the next poll.
    ///
    /// # Errors
    ///
    /// [`Gone`](ClientError::Gone), or as [`Session::push_input`]: after [`WindowFull`](inputwire::PushError::WindowFull), two seconds without
    /// an acknowledgement, [remove](Self::remove) the client.
    pub fn push_input(&mut self, now: Instant, client: ClientId, input: [u8; INPUT_LEN]) -> Result<Frame, ClientError> {
        let found = self.get_mut(client).ok_or(ClientError::Gone)?;
        let frame = found.session.push_input(now, input).map_err(ClientError::Push)?;
        self.touch_send(client.slot);
        Ok(frame)
    }

    /// Calls a client's session: for epochs, checksums and whatever else it does. `None` if the client is gone.
    pub fn with_session<T>(
        &mut self,
        client: ClientId,
        act: impl FnOnce(&mut Session<1, INPUT_LEN, WINDOW>) -> T,
    ) -> Option<T> {
        let result = act(&mut self.get_mut(client)?.session);
        self.touch(client.slot);
        Some(result)
    }

    /// Closes one client's session: what it has not acknowledged is delivered, for 2 s at most, and byes are sent. Then it has
    /// [left](ServerEvent::Left).
    pub fn close_client(&mut self, now: Instant, client: ClientId) {
        self.with_session(client, |session| session.close(now));
    }

    /// Removes a client at once and without a goodbye. [`Left`](ServerEvent::Left) is reported.
    pub fn remove(&mut self, client: ClientId) {
        if let Some(found) = self.get_mut(client) {
            found.leaves = Some(LeaveReason::Removed);
            self.touch(client.slot);
        }
    }

    /// Closes the session of every client, and admits nobody any more. Go on until [`is_closed`](Self::is_closed).
    pub fn close(&mut self, now: Instant) {
        self.is_closing = true;
        while let Some(slot) = self.unproven.front().copied() {
            self.drop_slot(slot);
        }
        for slot in self.taken_slots() {
            if let Some(client) = self.client(slot) {
                client.session.close(now);
                self.touch(slot);
            }
        }
    }

    // What the world does.

    /// Handles a datagram. `gate` is asked about each hello from an unknown address: it returns the settings for this client, or
    /// `None` to refuse it. The server draws the incarnation itself, and is no mesh, whatever these settings say.
    ///
    /// # Errors
    ///
    /// Says why nothing was done with it; counted, and for a log at most.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        gate: &mut impl FnMut(&Hello<'_>, SocketAddr) -> Option<ConfigBuilder>,
    ) -> Result<(), Refusal> {
        self.counters.receive(datagram.len());
        let outcome = match self.by_address.get(&from) {
            Some(slot) => self.handle_known(now, *slot, from, datagram),
            None => self.handle_unknown(now, from, datagram, gate),
        };
        if let Err(refusal) = &outcome {
            trace!(%from, len = datagram.len(), %refusal, "refused");
            self.counters.refuse(refusal);
        }
        outcome
    }

    /// Notes that time has passed, when [`poll_timeout`](Self::poll_timeout) asked for it or at any other moment.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(slot) = self.timers.take_due(now) {
            let Some(client) = self.client(slot) else { continue };
            if matches!(client.proof, Proof::Until(until) if until <= now) {
                self.counters.unproven = self.counters.unproven.saturating_add(1);
                self.drop_slot(slot);
            } else {
                client.session.handle_timeout(now);
                self.touch(slot);
            }
        }
    }

    // What is new.

    /// Returns the next event, or `None`.
    pub fn poll_event(&mut self) -> Option<ServerEvent<INPUT_LEN>> {
        while let Some(slot) = self.to_report.front().copied() {
            if let Some(event) = self.poll_event_of(slot) {
                return Some(event);
            }
            self.to_report.pop_front();
            if let Some(client) = self.client(slot) {
                client.is_in_report = false;
                self.touch_send(slot);
            }
        }
        None
    }

    /// Returns the next datagram to send and where to, or `None`. While the socket is congested, do not poll: what is polled later
    /// is up to date.
    pub fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<(SocketAddr, &'b [u8])> {
        while let Some(slot) = self.to_send.front().copied() {
            if let Some(client) = self.client(slot) {
                let address = client.address;
                if let Some(len) = client.poll_transmit(buf) {
                    self.counters.send(len);
                    return buf.get(..len).map(|datagram| (address, datagram));
                }
                client.is_in_send = false;
                if let Some(deadline) = client.deadline() {
                    self.timers.arm(slot, deadline);
                }
            }
            self.to_send.pop_front();
        }
        None
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) next, or `None` if nothing will be due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether events or datagrams wait to be polled.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.to_report.is_empty() || !self.to_send.is_empty()
    }

    // Getters.

    /// A client's session, for its getters; `None` if the client is gone.
    #[must_use]
    pub fn session(&self, client: ClientId) -> Option<&Session<1, INPUT_LEN, WINDOW>> {
        self.get(client).map(|client| &client.session)
    }

    /// What a client's session knows of it: its inputs, its health, its statistics.
    #[must_use]
    pub fn peer(&self, client: ClientId) -> Option<PeerRef<'_, INPUT_LEN>> {
        self.session(client)?.peer(CLIENT)
    }

    /// Where a client is.
    #[must_use]
    pub fn address(&self, client: ClientId) -> Option<SocketAddr> {
        self.get(client).map(|client| client.address)
    }

    /// The clients that have joined and not left.
    pub fn clients(&self) -> impl Iterator<Item = ClientId> {
        let ids = (0..).zip(&self.slots);
        ids.filter_map(|(slot, Slot { generation, client })| {
            let is_here = client.as_ref()?.proof == Proof::Reported;
            is_here.then_some(ClientId { slot, generation: *generation })
        })
    }

    /// How many clients have joined and not left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_identity.len()
    }

    /// Whether no client is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_identity.is_empty()
    }

    /// How many sessions there are whose client has proven nothing yet.
    #[must_use]
    pub fn unproven(&self) -> usize {
        self.unproven.len()
    }

    /// Whether the server was closed and nothing is left to send.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_closing && self.free.len() == self.slots.len()
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was counted, as text in Prometheus's exposition format.
    #[must_use]
    pub fn prometheus(&self) -> String {
        prometheus::text(&self.counters, self.len(), self.unproven())
    }

    // Private.

    fn handle_known(&mut self, now: Instant, slot: u32, from: SocketAddr, datagram: &[u8]) -> Result<(), Refusal> {
        let client = self.client(slot).ok_or(Refusal::Stranger)?;
        let before = if client.previous == Some(from) { Some(client.last_frame()) } else { None };
        client.session.handle_datagram(now, CLIENT, datagram).map_err(Refusal::Session)?;
        client.receive(datagram.len());
        if before.is_some_and(|before| client.last_frame() > before) {
            // It was somebody else who took the address over, or the client is back.
            client.previous = Some(std::mem::replace(&mut client.address, from));
            client.has_moved = true;
        }
        if client.proof == Proof::Reported {
            self.silence.heard(now, slot);
        }
        self.touch(slot);
        Ok(())
    }

    fn handle_unknown(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        gate: &mut impl FnMut(&Hello<'_>, SocketAddr) -> Option<ConfigBuilder>,
    ) -> Result<(), Refusal> {
        let hello = Hello::peek(datagram);
        let kind = if hello.is_some() { Kind::Hello } else { Kind::Other };
        if !self.strangers.take(now, from, kind) {
            return Err(Refusal::TooMany);
        }
        match hello {
            Some(hello) => self.admit(now, from, datagram, &hello, gate),
            None => self.take_over(now, from, datagram),
        }
    }

    /// Gives the sender of a hello a session.
    fn admit(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        hello: &Hello<'_>,
        gate: &mut impl FnMut(&Hello<'_>, SocketAddr) -> Option<ConfigBuilder>,
    ) -> Result<(), Refusal> {
        if self.is_closing {
            return Err(Refusal::Closing);
        }
        let config = gate(hello, from).ok_or(Refusal::Gate)?;
        let config = config.mesh(false).incarnation(self.next_incarnation()).build().map_err(Refusal::Config)?;
        hello.fits::<INPUT_LEN, WINDOW>(&config).map_err(Refusal::Hello)?;
        let identity = (config.session_id(), config.local_player(), hello.sender());
        if self.is_alive(now, identity) {
            return Err(Refusal::Taken);
        }
        let same = |slot: &&u32| self.slot(**slot).is_some_and(|client| client.identity == identity);
        let mut of_player = self.unproven.iter().filter(same).copied();
        if let Some(oldest) = of_player.next()
            && of_player.count().saturating_add(1) >= UNPROVEN_EACH
        {
            self.counters.unproven = self.counters.unproven.saturating_add(1);
            self.drop_slot(oldest);
        }
        let taken = self.slots.len().saturating_sub(self.free.len());
        if taken >= self.limits.max_clients || self.unproven.len() >= self.limits.max_unproven {
            return Err(Refusal::Full);
        }
        let mut session = Session::new(config);
        // A session without peers, an incarnation, and a player other than the local one, as `fits` has found.
        session.add_peer(now, PeerConfig::compact(hello.sender())).map_err(|_| Refusal::Gate)?;
        session.handle_datagram(now, CLIENT, datagram).map_err(Refusal::Session)?;
        let slot = self.insert(Client {
            session,
            identity,
            address: from,
            previous: None,
            proof: Proof::Until(now.saturating_add(self.limits.prove_within)),
            credit: datagram.len().saturating_mul(AMPLIFICATION),
            has_moved: false,
            leaves: None,
            is_in_report: false,
            is_in_send: false,
        });
        self.by_address.insert(from, slot);
        self.unproven.push_back(slot);
        self.counters.admitted = self.counters.admitted.saturating_add(1);
        self.touch(slot);
        Ok(())
    }

    /// Looks for the silent client whose datagram this is, and sends to its new address if it is a fresh one.
    fn take_over(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Result<(), Refusal> {
        let mut next = self.silence.first();
        for _ in 0..TRIES_EACH {
            let Some((slot, heard_at)) = next else { break };
            if now.saturating_since(heard_at) < SILENT {
                break;
            }
            next = self.silence.after(slot);
            let (tries, used_until) = (self.tries, &mut self.tries_used_until);
            let Some(client) = self.slots.get_mut(index(slot)).and_then(|slot| slot.client.as_deref_mut()) else {
                continue;
            };
            // Without a key anybody can write a fresh datagram.
            if !client.session.config().is_keyed() {
                continue;
            }
            if !tries.take(now, used_until) {
                return Err(Refusal::TriesUsed);
            }
            self.counters.tries = self.counters.tries.saturating_add(1);
            let before = client.last_frame();
            if client.session.handle_datagram(now, CLIENT, datagram).is_err() {
                continue;
            }
            let is_fresh = client.last_frame() > before;
            if is_fresh {
                let left = client.previous.replace(std::mem::replace(&mut client.address, from));
                client.has_moved = true;
                self.by_address.insert(from, slot);
                if let Some(left) = left {
                    self.by_address.remove(&left);
                }
                self.silence.heard(now, slot);
            }
            self.touch(slot);
            return if is_fresh { Ok(()) } else { Err(Refusal::Stranger) };
        }
        Err(Refusal::Stranger)
    }

    /// Whether a player is here, and not interrupted.
    fn is_alive(&mut self, now: Instant, identity: Identity) -> bool {
        let Some(slot) = self.by_identity.get(&identity).copied() else { return false };
        let Some(client) = self.client(slot) else { return false };
        client.session.handle_timeout(now);
        let is_alive = client.is_alive();
        self.touch(slot);
        is_alive
    }

    fn poll_event_of(&mut self, slot: u32) -> Option<ServerEvent<INPUT_LEN>> {
        let generation = self.slots.get(index(slot))?.generation;
        let id = ClientId { slot, generation };
        loop {
            let client = self.client(slot)?;
            if client.proof == Proof::Given {
                return self.report_proof(slot, id);
            }
            if std::mem::take(&mut client.has_moved) {
                let address = client.address;
                info!(client = %id, player = client.player(), %address, "moved");
                self.counters.moved = self.counters.moved.saturating_add(1);
                return Some(ServerEvent::Moved { client: id, address });
            }
            let Some(event) = client.session.poll_event() else { break };
            client.note(&event);
            match (client.proof, event) {
                (Proof::Until(_), Event::Peer { event: PeerEvent::Connected, .. }) => client.proof = Proof::Given,
                // Who has proven nothing is nobody whom the caller knows.
                (Proof::Until(_), _) => {}
                _ => return Some(ServerEvent::Session { client: id, event }),
            }
        }
        let client = self.client(slot)?;
        if client.session.is_closed() {
            client.leaves.get_or_insert(LeaveReason::ClosedHere);
        }
        let (reason, player, is_here) = (client.leaves?, client.player(), client.proof == Proof::Reported);
        self.drop_slot(slot);
        if is_here {
            return Some(self.report_leave(id, player, reason));
        }
        self.counters.unproven = self.counters.unproven.saturating_add(1);
        None
    }

    /// Reports that a client has joined, and before that, that it has taken the place of one that is silent.
    fn report_proof(&mut self, slot: u32, id: ClientId) -> Option<ServerEvent<INPUT_LEN>> {
        let client = self.slot(slot)?;
        let (identity, player, address) = (client.identity, client.player(), client.address);
        if let Some(other) = self.by_identity.get(&identity).copied() {
            // It was interrupted when this one was admitted, and may have been heard since then.
            if self.slot(other).is_some_and(Client::is_alive) {
                self.counters.unproven = self.counters.unproven.saturating_add(1);
                self.drop_slot(slot);
                return None;
            }
            let generation = self.slots.get(index(other)).map_or(0, |slot| slot.generation);
            self.drop_slot(other);
            return Some(self.report_leave(ClientId { slot: other, generation }, player, LeaveReason::Replaced));
        }
        let client = self.client(slot)?;
        client.proof = Proof::Reported;
        let now = client.session.peer(CLIENT)?.stats().at;
        self.by_identity.insert(identity, slot);
        self.unproven.retain(|other| *other != slot);
        let same = |other: &&u32| self.slot(**other).is_some_and(|other| other.identity == identity);
        for other in self.unproven.iter().filter(same).copied().collect::<Vec<_>>() {
            self.counters.unproven = self.counters.unproven.saturating_add(1);
            self.drop_slot(other);
        }
        self.silence.heard(now, slot);
        self.counters.joined = self.counters.joined.saturating_add(1);
        info!(client = %id, player, %address, "joined");
        Some(ServerEvent::Joined { client: id, player, address })
    }

    fn report_leave(&mut self, client: ClientId, player: u16, reason: LeaveReason) -> ServerEvent<INPUT_LEN> {
        self.counters.leave(reason);
        info!(%client, player, reason = reason.name(), "left");
        ServerEvent::Left { client, player, reason }
    }

    fn next_incarnation(&self) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        hasher.write_u64(self.counters.datagrams_received);
        hasher.finish() | 1 << 63
    }

    fn slot(&self, slot: u32) -> Option<&Client<INPUT_LEN, WINDOW>> {
        self.slots.get(index(slot))?.client.as_deref()
    }

    fn client(&mut self, slot: u32) -> Option<&mut Client<INPUT_LEN, WINDOW>> {
        self.slots.get_mut(index(slot))?.client.as_deref_mut()
    }

    fn get(&self, id: ClientId) -> Option<&Client<INPUT_LEN, WINDOW>> {
        self.slots.get(index(id.slot)).filter(|slot| slot.generation == id.generation)?.client.as_deref()
    }

    fn get_mut(&mut self, id: ClientId) -> Option<&mut Client<INPUT_LEN, WINDOW>> {
        self.slots.get_mut(index(id.slot)).filter(|slot| slot.generation == id.generation)?.client.as_deref_mut()
    }

    fn taken_slots(&self) -> Vec<u32> {
        (0..).zip(&self.slots).filter(|(_, slot)| slot.client.is_some()).map(|(slot, _)| slot).collect()
    }

    fn insert(&mut self, client: Client<INPUT_LEN, WINDOW>) -> u32 {
        let client = Some(Box::new(client));
        if let Some(slot) = self.free.pop()
            && let Some(found) = self.slots.get_mut(index(slot))
        {
            found.client = client;
            return slot;
        }
        self.slots.push(Slot { generation: 0, client });
        u32::try_from(self.slots.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Forgets a client and whatever leads to it.
    fn drop_slot(&mut self, slot: u32) {
        let Some(client) = self.slots.get_mut(index(slot)).and_then(|found| {
            found.generation = found.generation.wrapping_add(1);
            found.client.take()
        }) else {
            return;
        };
        for address in [Some(client.address), client.previous].into_iter().flatten() {
            self.by_address.remove(&address);
        }
        if self.by_identity.get(&client.identity) == Some(&slot) {
            self.by_identity.remove(&client.identity);
        }
        self.unproven.retain(|other| *other != slot);
        self.silence.remove(slot);
        self.timers.disarm(slot);
        self.free.push(slot);
        trace!(slot, player = client.player(), "session dropped");
    }

    /// A session may have events, and then datagrams.
    fn touch(&mut self, slot: u32) {
        if let Some(client) = self.client(slot)
            && !std::mem::replace(&mut client.is_in_report, true)
        {
            self.to_report.push_back(slot);
        }
    }

    /// A session may have datagrams.
    fn touch_send(&mut self, slot: u32) {
        if let Some(client) = self.client(slot)
            && !std::mem::replace(&mut client.is_in_send, true)
        {
            self.to_send.push_back(slot);
        }
    }
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}
