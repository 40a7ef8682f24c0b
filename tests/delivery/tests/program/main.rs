//! Sales on delivery terms, played on the built program.

mod attacks;
mod flow;
mod games;
mod readings;
mod rent;
mod terms;
mod units;
mod winding_down;
