//! Numbers that look random and are not: the same seed gives the same ones, in any order.
//!
//! A counter put through SplitMix64's finalizer (Steele, Lea and Flood, "Fast splittable
//! pseudorandom number generators", OOPSLA 2014). Simulations take one; nothing secret may.

/// A sequence of draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    seed: u64,
    count: u64,
}

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.count += 1;
        let mut value = self.seed.wrapping_add(self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    /// Evenly in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly in 0..`most`; 0 for none.
    pub fn below(&mut self, most: usize) -> usize {
        ((u128::from(self.bits()) * most as u128) >> 64) as usize
    }

    /// One of these.
    pub fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }

    /// A standard normal value (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.unit()).cos()
    }
}
