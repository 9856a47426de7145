use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::clock::SystemClock;
use crate::engine::contract::{self, Factory};

struct EmbeddedFactory {
    directory: TempDir,
    durability: Durability,
}

impl EmbeddedFactory {
    fn new(durability: Durability) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), durability }
    }
}

impl Factory for EmbeddedFactory {
    fn open(&self) -> Arc<dyn Engine> {
        let options = EmbeddedOptions { durability: self.durability };
        Arc::new(EmbeddedEngine::open(self.directory.path(), options, Arc::new(SystemClock)).unwrap())
    }
}

mod contract_with_disk {
    use super::*;
    contract::rules!(EmbeddedFactory::new(Durability::Disk));
}

mod contract_with_process {
    use super::*;
    contract::rules!(EmbeddedFactory::new(Durability::Process));
}
