//! Randomness from a seed: xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64 (Steele,
//! Lea and Flood, 2014). Integers only, so that every machine draws the same.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random([u64; 4]);

/// One SplitMix64 step: a good hash of a counter.
pub fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// The stream of a seed; each `subject` has its own, so that a new draw in one does not shift
    /// the others.
    pub fn new(seed: u64, subject: u64) -> Random {
        let first = mix(mix(seed) ^ subject);
        let second = mix(first);
        let third = mix(second);
        Random([first, second, third, mix(third)])
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let drawn = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        drawn
    }

    /// A number below `bound`; 0 when there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: its bias is below 2^-40 for every bound used here.
        let wide = u128::from(self.next()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0) as u64;
        low + self.below(span + 1) as i64
    }

    /// True in `permille` of a thousand draws.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// Between `low` and `high` with most draws near `low`, as durations are.
    pub fn skewed(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        let part = self.below(1 << 16);
        let cubed = (part * part * part) >> 32;
        low + ((u128::from(span) * u128::from(cubed)) >> 16) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::Random;
    use expect_test::expect;

    #[test]
    fn a_seed_gives_its_numbers() {
        let mut random = Random::new(1, 0);
        let drawn: Vec<u64> = (0..6).map(|_| random.below(1_000_000)).collect();
        expect!["[629920, 24550, 778401, 942617, 423409, 847267]"].assert_eq(&format!("{drawn:?}"));
    }

    #[test]
    fn draws_keep_to_their_bounds() {
        let mut random = Random::new(7, 3);
        for _ in 0..10_000 {
            assert!(random.below(3) < 3);
            assert!((5..=9).contains(&random.between(5, 9)));
            assert!((100..=90_000).contains(&random.skewed(100, 90_000)));
            assert!(!random.chance(0));
            assert!(random.chance(1000));
        }
    }
}
