//! What the live path does when machine, network or clock fail it, and how it takes its leave.

mod leaving;
