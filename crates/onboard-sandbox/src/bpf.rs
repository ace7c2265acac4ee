//! Programs of the kernel's classic BPF that decide by the number of a call.

use crate::sys::privilege::Instruction;
use std::collections::BTreeMap;

pub const LOAD_WORD: u16 = 0x20;
pub const JUMP: u16 = 0x05;
pub const JUMP_EQUAL: u16 = 0x15;
pub const JUMP_AT_LEAST: u16 = 0x35;
pub const JUMP_ANY_BIT: u16 = 0x45;
pub const RETURN: u16 = 0x06;
pub const AND: u16 = 0x54;

/// Where the kernel's description of a call has what.
pub const OFFSET_NUMBER: u32 = 0;
pub const OFFSET_ARCHITECTURE: u32 = 4;
pub const OFFSET_ARGUMENTS: u32 = 16;

/// What becomes of a call; every path through it returns.
pub type Body = Vec<Instruction>;

pub fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD_WORD, jump_true: 0, jump_false: 0, value: offset }
}

pub fn load_low_half(argument: u8) -> Instruction {
    // Both architectures are little-endian: the low half comes first.
    load(OFFSET_ARGUMENTS + u32::from(argument) * 8)
}

pub fn load_high_half(argument: u8) -> Instruction {
    load(OFFSET_ARGUMENTS + u32::from(argument) * 8 + 4)
}

pub fn and(value: u32) -> Instruction {
    Instruction { code: AND, jump_true: 0, jump_false: 0, value }
}

pub fn jump(code: u16, value: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, value }
}

pub const fn ret(value: u32) -> Instruction {
    Instruction { code: RETURN, jump_true: 0, jump_false: 0, value }
}

/// Finds what becomes of a call by its number, which has been loaded. `by_number` says it of single
/// numbers, `from` of all numbers from one on, which no single one may reach, `otherwise` of the rest.
///
/// A search by halves: the kernel runs a filter for every call whose arguments it looks at, and tries
/// it with every number when it is installed. In a list both cost as many comparisons as there are
/// rows.
pub fn decide(
    by_number: BTreeMap<u32, Body>,
    from: Option<(u32, Body)>,
    otherwise: &Body,
) -> Vec<Instruction> {
    let mut ranges: Vec<(u32, Body)> = vec![(0, otherwise.clone())];
    for (number, body) in by_number {
        ranges.pop_if(|(first, _)| *first == number);
        ranges.push((number, body));
        ranges.push((number + 1, otherwise.clone()));
    }
    ranges.extend(from);
    // Neighbours with one fate are one range.
    ranges.dedup_by(|next, range| next.1 == range.1);
    tree(&ranges)
}

/// Of ranges by their first numbers, in order.
fn tree(ranges: &[(u32, Body)]) -> Vec<Instruction> {
    if let [(_, body)] = ranges {
        return body.clone();
    }
    let (below, from) = ranges.split_at(ranges.len() / 2);
    let (less, more) = (tree(below), tree(from));
    let middle = from[0].0;
    let mut program = match u8::try_from(less.len()) {
        Ok(length) => vec![jump(JUMP_AT_LEAST, middle, length, 0)],
        // Further than a comparison can jump.
        Err(_) => vec![jump(JUMP_AT_LEAST, middle, 0, 1), jump(JUMP, less.len() as u32, 0, 0)],
    };
    program.extend(less);
    program.extend(more);
    program
}
