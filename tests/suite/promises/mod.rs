//! The figures that are promised, each measured over the hostile network.

mod classic;
mod cost;
mod duo;
mod flow;
mod recovery;
mod restart;
