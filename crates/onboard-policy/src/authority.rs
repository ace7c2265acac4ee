//! Who says so: authorities in the order in which they bind.

use core::fmt;
use onboard_text::Place;

/// Whose file it is. Earlier ones bind later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    Defaults,
    Organisation,
    User,
    Project,
}

impl Authority {
    /// Whether this authority sets a key anew whose value comes from there: the first after the
    /// defaults that is the machine's or its user's.
    pub(crate) fn may_set(self, origin: &Origin) -> bool {
        origin.authority == Authority::Defaults
            && matches!(self, Authority::Organisation | Authority::User)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Authority::Defaults => "the defaults",
            Authority::Organisation => "the organisation",
            Authority::User => "the user",
            Authority::Project => "the project",
        })
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub authority: Authority,
    pub place: Place,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.authority, self.place)
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled<T> {
    pub value: T,
    pub origin: Origin,
}
