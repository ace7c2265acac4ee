//! Time zones by name, from the host's database or the one that comes along.

use jiff::tz::TimeZone;
use onboard_scheduler::Zones;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Zones, looked up once each.
#[derive(Debug, Default)]
pub struct HostZones {
    known: RefCell<BTreeMap<String, Option<TimeZone>>>,
}

impl Zones for HostZones {
    #[allow(clippy::disallowed_methods, reason = "the zone is the host's, like its clock")]
    fn host(&self) -> TimeZone {
        TimeZone::system()
    }

    fn named(&self, name: &str) -> Option<TimeZone> {
        if let Some(zone) = self.known.borrow().get(name) {
            return zone.clone();
        }
        let zone = TimeZone::get(name).ok();
        self.known.borrow_mut().insert(name.into(), zone.clone());
        zone
    }
}
