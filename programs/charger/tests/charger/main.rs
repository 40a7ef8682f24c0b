//! The charger calls MultiBus: both compiled programs in an in-process SVM. After each transaction that lands, the market is
//! compared with the replica that follows its events, as in the market's own tests.

mod charging;
mod tricks;
mod world;
