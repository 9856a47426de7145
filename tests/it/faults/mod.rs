//! What the live path does when machine, network or clock fail it, and how it takes its leave.

mod clock;
mod disk;
mod kill;
mod leaving;
mod network;
mod slow;
mod torn;
