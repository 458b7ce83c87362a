//! What applications and transports do besides playing: settings that few use, epochs begun at once, transports that flap.

use std::time::Duration;

use inputwire::{ConfigBuilder, Instant};
use inputwire_sim::rng::Rng;

use super::{Driver, End, HOSTILE_US, Kind, Life, Plan, World};

/// What is wild in a game. Each `every` is in turns of one endpoint, on average; `None` for never.
#[derive(Clone, Debug)]
pub(super) struct Wild {
    rng: Rng,
    settings: Settings,
    begins_epoch_every: Option<u64>,
    flaps_every: Option<u64>,
    takes_over_every: Option<u64>,
    disconnects_every: Option<u64>,
    predicts_every: Option<u64>,
}

/// The settings of every session of a game.
#[derive(Clone, Copy, Debug)]
struct Settings {
    tags: Tags,
    datagram_size: Option<usize>,
    ping_ms: Option<u64>,
    early_copies: bool,
}

/// How datagrams are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tags {
    None,
    Short,
    Long,
}

impl Wild {
    pub(super) fn draw(rng: &mut Rng, plan: &Plan) -> Self {
        let settings = Settings {
            tags: rng.pick(&[Tags::None, Tags::Short, Tags::Long]),
            datagram_size: rng.one_in(3).then(|| 110 + rng.index(90)),
            // With fewer, who was restarted may not connect in the time that it is given.
            ping_ms: rng.one_in(4).then(|| rng.between(20, 250)),
            early_copies: rng.one_in(2),
        };
        let mut every = |turns| rng.one_in(2).then_some(turns);
        // A program that is restarted knows nothing of the epochs that were begun, nor does one that comes back or was removed.
        let is_one_run = plan.restart.is_none();
        // Of two, the one that is removed must not have given up the other one before.
        let may_part = plan.removal.is_none();
        let keeps_peers = is_one_run && may_part && !plan.rejoins;
        Self {
            begins_epoch_every: every(2_500).filter(|_| is_one_run),
            flaps_every: every(1_500).filter(|_| may_part),
            takes_over_every: every(2_500).filter(|_| keeps_peers),
            disconnects_every: every(6_000).filter(|_| may_part),
            predicts_every: every(500),
            settings,
            rng: Rng::new(rng.next()),
        }
    }

    pub(super) fn configure(&self, config: ConfigBuilder) -> ConfigBuilder {
        let Settings { tags, datagram_size, ping_ms, early_copies } = self.settings;
        let config = config.early_copies(early_copies);
        let config = match tags {
            Tags::None => config,
            Tags::Short | Tags::Long => config.key([7; 16]).short_tags(tags == Tags::Short),
        };
        let config = datagram_size.into_iter().fold(config, ConfigBuilder::max_datagram_size);
        ping_ms.map(Duration::from_millis).into_iter().fold(config, ConfigBuilder::ping_interval)
    }

    /// Whether rounds end as they do in other games: no reachable player is given up, and no round ends early.
    pub(super) fn keeps_rounds(&self) -> bool {
        let early = [self.begins_epoch_every, self.takes_over_every, self.flaps_every, self.disconnects_every];
        early.iter().all(Option::is_none)
    }

    /// The kinds of settings.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        let tags = match self.settings.tags {
            Tags::None => None,
            Tags::Short => Some(Kind::ShortTags),
            Tags::Long => Some(Kind::LongTags),
        };
        tags.into_iter().chain(self.settings.datagram_size.map(|_| Kind::SmallDatagrams))
    }

    fn is_due(&mut self, every: Option<u64>) -> bool {
        every.is_some_and(|turns| self.rng.one_in(turns))
    }

    /// One turn of an endpoint. Returns what it did.
    fn act(&mut self, now: Instant, end: &mut End, plan: &Plan) -> Vec<Kind> {
        let mut done = Vec::new();
        let peers: Vec<_> = end.driver.session().peers().collect();
        if self.is_due(self.begins_epoch_every) && end.driver.session().next_epoch().is_some() {
            end.begin_epoch(now, plan);
            done.push(Kind::BegunAtOnce);
        }
        if !peers.is_empty() && self.is_due(self.flaps_every) {
            let peer = self.rng.pick(&peers);
            end.driver.handle_transport_closed(now, peer);
            if self.rng.one_in(2) {
                end.driver.handle_transport_opened(now, peer);
            }
            done.push(Kind::Flapped);
        }
        if !peers.is_empty() && self.is_due(self.flaps_every.map(|_| 20)) {
            end.driver.handle_transport_opened(now, self.rng.pick(&peers));
        }
        if self.is_due(self.predicts_every) {
            let frames = self.rng.below(u64::from(plan.max_prediction) + 1);
            end.driver.set_max_prediction(u32::try_from(frames).expect("a few"));
            done.push(Kind::PredictionChanged);
        }
        if self.is_due(self.takes_over_every) && take_over(now, &mut end.driver, plan) {
            done.push(Kind::TakenOver);
        }
        if !peers.is_empty() && self.is_due(self.disconnects_every) {
            end.driver.disconnect_peer(now, self.rng.pick(&peers));
            done.push(Kind::Disconnected);
        }
        done
    }
}

/// Plays the next epoch with a driver of its own, over the same session. Returns whether there is one.
fn take_over(now: Instant, driver: &mut Driver, plan: &Plan) -> bool {
    let mut session = driver.clone().into_endpoint();
    let Some(next) = session.next_epoch() else { return false };
    session.begin_epoch(now, next).expect("a later one");
    *driver = plan.drive(session);
    true
}

impl World {
    pub(super) fn go_wild(&mut self) {
        let Some(wild) = &mut self.wild else { return };
        let now = Instant::from_micros(self.now);
        for end in self.ends.iter_mut().filter(|end| end.life == Life::Plays && end.lobby.is_none()) {
            if self.now < HOSTILE_US {
                for kind in wild.act(now, end, &self.plan) {
                    *self.kinds.entry(kind).or_default() += 1;
                }
            } else if self.now == HOSTILE_US {
                let peers: Vec<_> = end.driver.session().peers().collect();
                for peer in peers {
                    end.driver.handle_transport_opened(now, peer);
                }
                end.driver.set_max_prediction(self.plan.max_prediction);
            }
        }
    }
}
