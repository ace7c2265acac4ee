//! Options of chores that take numbers: `--name N`.

/// The numbers of these options, in their order; none for one that is not there.
pub fn numbers<const N: usize>(
    names: [&str; N],
    arguments: &[String],
) -> Result<[Option<u64>; N], String> {
    let mut found = [None; N];
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        let Some(place) = names.iter().position(|known| known == name) else {
            return Err(format!("`{name}` is not known; there is {}", names.join(", ")));
        };
        let value = arguments.next().ok_or_else(|| format!("{name} needs a number"))?;
        let number = value.parse().map_err(|_| format!("{name}: `{value}` is not a number"))?;
        found[place] = Some(number);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_name_and_what_is_wrong_with_them() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            numbers(["--cycles", "--seed"], &words)
        };
        assert_eq!(read(&[]), Ok([None, None]));
        assert_eq!(read(&["--seed", "7"]), Ok([None, Some(7)]));
        assert_eq!(read(&["--seed", "7", "--cycles", "9"]), Ok([Some(9), Some(7)]));
        assert_eq!(
            read(&["--sed", "7"]),
            Err("`--sed` is not known; there is --cycles, --seed".into())
        );
        assert_eq!(read(&["--seed"]), Err("--seed needs a number".into()));
        assert_eq!(read(&["--seed", "x"]), Err("--seed: `x` is not a number".into()));
    }
}
