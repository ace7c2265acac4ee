//! What a request of a model carries, as far as its bytes don't say what that may cost: pictures,
//! sounds, files, lists of prompts. What isn't known here isn't sent on.

use core::fmt;
use core::marker::PhantomData;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// A key of an object as servers may take it: in lower case, and there once.
///
/// # Errors
/// When it could be taken in two ways.
pub(super) fn once<E: de::Error>(key: &str, seen: &mut BTreeSet<String>) -> Result<String, E> {
    let plain = key.to_ascii_lowercase();
    if !key.is_ascii() {
        return Err(E::custom(format!("the key `{key}` is none that is known")));
    }
    match seen.insert(plain.clone()) {
        true => Ok(plain),
        false => Err(E::custom(format!("the key `{key}` is there twice"))),
    }
}

/// A value that has to be left out, or null.
pub(super) fn nothing<'de, A: MapAccess<'de>>(map: &mut A, key: &str) -> Result<(), A::Error> {
    match map.next_value::<Option<IgnoredAny>>()? {
        None => Ok(()),
        Some(_) => Err(unpriced(&format!("`{key}`"))),
    }
}

pub(super) fn unpriced<E: de::Error>(what: &str) -> E {
    E::custom(format!("what {what} costs is not known here, so it is not sent on: leave it out"))
}

/// How many prompts there are: one text, a list of texts, a list of tokens, or a list of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prompts(pub(super) u64);

/// One prompt of a list, or one token of a prompt.
enum One {
    Token,
    Prompt,
}

impl<'de> Deserialize<'de> for Prompts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Prompts, D::Error> {
        from.deserialize_any(OfPrompts)
    }
}

struct OfPrompts;

impl<'de> Visitor<'de> for OfPrompts {
    type Value = Prompts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, tokens, or a list of these")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Prompts, E> {
        Ok(Prompts(1))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Prompts, E> {
        Ok(Prompts(1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Prompts, A::Error> {
        let (mut tokens, mut prompts) = (false, 0_u64);
        while let Some(one) = list.next_element::<One>()? {
            match one {
                One::Token => tokens = true,
                One::Prompt => prompts += 1,
            }
        }
        match (tokens, prompts) {
            (true, 1..) => Err(de::Error::custom("tokens and whole prompts stand in one list")),
            (_, prompts) => Ok(Prompts(prompts.max(1))),
        }
    }
}

impl<'de> Deserialize<'de> for One {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<One, D::Error> {
        from.deserialize_any(OfOne)
    }
}

struct OfOne;

impl<'de> Visitor<'de> for OfOne {
    type Value = One;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or tokens")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<One, E> {
        Ok(One::Prompt)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<One, E> {
        Ok(One::Token)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<One, A::Error> {
        while list.next_element::<u64>()?.is_some() {}
        Ok(One::Prompt)
    }
}

/// Pictures in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pictures {
    pub(super) count: u64,
    /// Bytes of the request that they are, which are no text.
    pub(super) bytes: u64,
}

impl Pictures {
    fn add(&mut self, more: Pictures) {
        self.count += more.count;
        self.bytes += more.bytes;
    }
}

/// A list of what `T` is read from, and the pictures in all of it.
pub(super) struct Each<T>(PhantomData<T>);

/// Something that may have pictures in it.
pub(super) trait Carrier<'de>: Sized {
    fn visit<A: MapAccess<'de>>(map: A) -> Result<Pictures, A::Error>;
    /// What may stand in place of the object.
    const TEXT: bool;
    const WHAT: &'static str;
}

/// Reads the value of `messages`.
pub(super) fn messages<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Pictures, A::Error> {
    map.next_value_seed(Each::<Message>(PhantomData))
}

/// Reads the value of `tools`: only functions, which the agent itself carries out.
pub(super) fn tools<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Pictures, A::Error> {
    map.next_value_seed(Each::<Tool>(PhantomData))
}

impl<'de, T: Carrier<'de>> DeserializeSeed<'de> for Each<T> {
    type Value = Pictures;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Pictures, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: Carrier<'de>> Visitor<'de> for Each<T> {
    type Value = Pictures;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", T::WHAT)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Pictures, E> {
        match T::TEXT {
            true => Ok(Pictures::default()),
            false => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Pictures, E> {
        Ok(Pictures::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pictures, A::Error> {
        let mut all = Pictures::default();
        while let Some(more) = list.next_element_seed(Member::<T>(PhantomData))? {
            all.add(more);
        }
        Ok(all)
    }
}

struct Member<T>(PhantomData<T>);

impl<'de, T: Carrier<'de>> DeserializeSeed<'de> for Member<T> {
    type Value = Pictures;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Pictures, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: Carrier<'de>> Visitor<'de> for Member<T> {
    type Value = Pictures;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Pictures, A::Error> {
        T::visit(map)
    }
}

/// One message of a conversation.
struct Message;

/// Keys of a message under which some servers take what is no text.
const NO_TEXT: [&str; 11] = [
    "audio",
    "audios",
    "input_audio",
    "image",
    "images",
    "video",
    "videos",
    "file",
    "files",
    "documents",
    "attachments",
];

impl<'de> Carrier<'de> for Message {
    const TEXT: bool = false;
    const WHAT: &'static str = "messages";

    fn visit<A: MapAccess<'de>>(mut map: A) -> Result<Pictures, A::Error> {
        let (mut pictures, mut seen) = (Pictures::default(), BTreeSet::new());
        while let Some(key) = map.next_key::<String>()? {
            match once::<A::Error>(&key, &mut seen)?.as_str() {
                "content" => {
                    pictures = map.next_value_seed(Each::<Part>(PhantomData))?;
                }
                plain if NO_TEXT.contains(&plain) => nothing(&mut map, &key)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(pictures)
    }
}

/// One part of a message's content.
struct Part;

impl<'de> Carrier<'de> for Part {
    const TEXT: bool = true;
    const WHAT: &'static str = "parts of a message";

    fn visit<A: MapAccess<'de>>(mut map: A) -> Result<Pictures, A::Error> {
        let (mut kind, mut picture, mut seen) = (None, None, BTreeSet::new());
        while let Some(key) = map.next_key::<String>()? {
            match once::<A::Error>(&key, &mut seen)?.as_str() {
                "type" => kind = Some(map.next_value::<String>()?),
                "text" | "refusal" | "cache_control" => drop(map.next_value::<IgnoredAny>()?),
                "image_url" => picture = Some(map.next_value::<Picture>()?),
                _ => return Err(unpriced(&format!("a message's part with `{key}`"))),
            }
        }
        match (kind.as_deref(), picture) {
            (None | Some("text" | "refusal"), None) => Ok(Pictures::default()),
            (Some("image_url"), Some(Picture { bytes })) => Ok(Pictures { count: 1, bytes }),
            (kind, _) => {
                Err(unpriced(&format!("a message's part of type `{}`", kind.unwrap_or("none"))))
            }
        }
    }
}

/// A picture that is in the request itself.
struct Picture {
    bytes: u64,
}

impl<'de> Deserialize<'de> for Picture {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Picture, D::Error> {
        from.deserialize_map(OfPicture)
    }
}

struct OfPicture;

impl<'de> Visitor<'de> for OfPicture {
    type Value = Picture;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the picture's `url`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Picture, A::Error> {
        let (mut bytes, mut seen) = (None, BTreeSet::new());
        while let Some(key) = map.next_key::<String>()? {
            match once::<A::Error>(&key, &mut seen)?.as_str() {
                "url" => bytes = Some(inline(&map.next_value::<String>()?)?),
                "detail" | "format" => drop(map.next_value::<IgnoredAny>()?),
                _ => return Err(unpriced(&format!("a picture with `{key}`"))),
            }
        }
        let bytes = bytes.ok_or_else(|| de::Error::missing_field("url"))?;
        Ok(Picture { bytes })
    }
}

/// Bytes of a picture that is no more than that. Its address would be the endpoint's to fetch, from
/// wherever an agent says, with whatever stands in it.
fn inline<E: de::Error>(url: &str) -> Result<u64, E> {
    let inside = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    let is_plain = |(kind, data): &(&str, &str)| {
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && data.bytes().all(is_code)
    };
    match inside.filter(is_plain) {
        Some((_, data)) => Ok(data.len() as u64),
        None => {
            Err(E::custom("a picture has to be in the request itself, as `data:image/…;base64,…`"))
        }
    }
}

/// Something that the model may use.
struct Tool;

impl<'de> Carrier<'de> for Tool {
    const TEXT: bool = false;
    const WHAT: &'static str = "tools";

    fn visit<A: MapAccess<'de>>(mut map: A) -> Result<Pictures, A::Error> {
        let (mut kind, mut seen) = (None, BTreeSet::new());
        while let Some(key) = map.next_key::<String>()? {
            match once::<A::Error>(&key, &mut seen)?.as_str() {
                "type" => kind = Some(map.next_value::<String>()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match kind.as_deref() {
            Some("function") => Ok(Pictures::default()),
            kind => Err(unpriced(&format!("a tool of type `{}`", kind.unwrap_or("none")))),
        }
    }
}
