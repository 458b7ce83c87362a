#![doc = include_str!("../docs/links.md")]
#![doc = include_str!("../docs/guide/README.md")]

/// Each page becomes a module of the documentation; its code is compiled with the tests.
macro_rules! pages {
    ($($name:ident = $path:literal;)*) => {$(
        #[doc = include_str!("../docs/links.md")]
        #[doc = include_str!(concat!("../docs/", $path))]
        pub mod $name {}
    )*};
}

pages! {
    the_loop = "guide/loop.md";
    events = "guide/events.md";
    settings = "guide/settings.md";
    signalling = "guide/signalling.md";
    epochs = "guide/epochs.md";
    leaving = "guide/leaving.md";
    pauses = "guide/pauses.md";
    time = "guide/time.md";
    threads = "guide/threads.md";
    tokio = "guide/tokio.md";
    browser = "guide/browser.md";
    matchbox = "guide/matchbox.md";
    rollback = "guide/rollback.md";
    from_ggrs = "guide/from-ggrs.md";
    lockstep = "guide/lockstep.md";
    microcontroller = "guide/microcontroller.md";
    local_players = "guide/local-players.md";
    servers = "guide/servers.md";
    sizing = "guide/sizing.md";
    feed = "guide/feed.md";
    simulator = "guide/simulator.md";
    migrating = "MIGRATING.md";
    protocol = "PROTOCOL.md";
    vectors = "VECTORS.md";
    design = "DESIGN.md";
    performance = "PERFORMANCE.md";
    security = "SECURITY.md";
}
