//! Time zones of the simulated host, from the database that comes along, so that the host the
//! simulation runs on doesn't matter.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use onboard_scheduler::Zones;

/// The zones of the simulated host.
#[derive(Debug)]
pub struct BundledZones {
    database: TimeZoneDatabase,
    host: TimeZone,
}

impl BundledZones {
    /// A host in the zone `name`.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn at(name: &str) -> Result<BundledZones, String> {
        let database = TimeZoneDatabase::bundled();
        let host = database.get(name).map_err(|error| error.to_string())?;
        Ok(BundledZones { database, host })
    }
}

impl Zones for BundledZones {
    fn host(&self) -> TimeZone {
        self.host.clone()
    }

    fn named(&self, name: &str) -> Option<TimeZone> {
        self.database.get(name).ok()
    }
}
