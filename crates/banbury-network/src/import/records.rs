//! JSON lists too large to hold: their elements one by one, and from each only the wanted values.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Elements longer than this are refused: no table has such rows.
const LONGEST: usize = 1 << 24;

/// Splits a stream into the elements of its list without parsing them. The list is the top-level
/// array, or the array named `results` (a page of a REST interface) of a top-level object; several
/// pages may follow each other.
pub(super) struct Records<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    state: State,
    list: &'static str,
}

#[derive(PartialEq, Clone, Copy)]
enum State {
    Between,
    /// In an object, before a key; whether a list was found in it.
    Object(bool),
    /// In the list; whether the object goes on behind it.
    List {
        in_object: bool,
    },
    Ended,
}

impl<R: Read> Records<R> {
    pub fn new(reader: R) -> Self {
        Records { reader, buffer: vec![0; 1 << 18], at: 0, end: 0, state: State::Between, list: "results" }
    }

    fn fill(&mut self) -> Result<bool, String> {
        if self.at < self.end {
            return Ok(true);
        }
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(n) => {
                    self.at = 0;
                    self.end = n;
                    return Ok(n > 0);
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(format!("the file cannot be read: {e}")),
            }
        }
    }

    /// The next byte that is not white space (or a byte order mark), not taken.
    fn peek(&mut self) -> Result<Option<u8>, String> {
        loop {
            if !self.fill()? {
                return Ok(None);
            }
            match self.buffer[self.at] {
                b' ' | b'\n' | b'\r' | b'\t' | 0xef | 0xbb | 0xbf => self.at += 1,
                byte => return Ok(Some(byte)),
            }
        }
    }

    /// Takes one JSON value, into `out` if given.
    fn value(&mut self, mut out: Option<&mut Vec<u8>>) -> Result<(), String> {
        self.peek()?;
        let (mut depth, mut in_string, mut escaped, mut started) = (0usize, false, false, false);
        loop {
            if !self.fill()? {
                return if started && depth == 0 && !in_string {
                    Ok(())
                } else {
                    Err("the file ends within a value".into())
                };
            }
            let bytes = &self.buffer[self.at..self.end];
            let mut used = bytes.len();
            let mut done = false;
            for (i, &byte) in bytes.iter().enumerate() {
                if in_string {
                    if escaped {
                        escaped = false;
                    } else if byte == b'\\' {
                        escaped = true;
                    } else if byte == b'"' {
                        in_string = false;
                        done = depth == 0;
                    }
                } else {
                    match byte {
                        b'"' => in_string = true,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => {
                            if !started && i == 0 {
                                return Err(format!("`{}` stands where a value should", byte as char));
                            }
                            used = i;
                            done = true;
                        }
                        b'}' | b']' => {
                            depth -= 1;
                            done = depth == 0;
                        }
                        _ => {}
                    }
                    if done && used != i {
                        used = i + 1;
                    }
                }
                if done {
                    if used > i + 1 {
                        used = i + 1;
                    }
                    break;
                }
                started = true;
            }
            if let Some(out) = out.as_deref_mut() {
                if out.len() + used > LONGEST {
                    return Err(format!("an element is longer than {} MiB", LONGEST >> 20));
                }
                out.extend_from_slice(&bytes[..used]);
            }
            self.at += used;
            if done {
                return Ok(());
            }
        }
    }

    /// The next element, into `out`; false at the end.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, String> {
        out.clear();
        loop {
            let byte = self.peek()?;
            match (self.state, byte) {
                (State::Ended, _) => return Ok(false),
                (State::Between, None) => {
                    self.state = State::Ended;
                    return Ok(false);
                }
                (_, None) => {
                    self.state = State::Ended;
                    return Err("the file ends before its list does".into());
                }
                (State::Between, Some(b'[')) => {
                    self.at += 1;
                    self.state = State::List { in_object: false };
                }
                (State::Between, Some(b'{')) => {
                    self.at += 1;
                    self.state = State::Object(false);
                }
                (State::Between, Some(_)) => {
                    self.state = State::Ended;
                    return Err("neither a JSON list nor a page with `results`".into());
                }
                (State::Object(found), Some(b'}')) => {
                    self.at += 1;
                    self.state = State::Between;
                    if !found {
                        self.state = State::Ended;
                        return Err(format!("the JSON object has no list `{}`", self.list));
                    }
                }
                (State::Object(_), Some(b',')) => self.at += 1,
                (State::Object(found), Some(_)) => {
                    let mut key = Vec::new();
                    self.value(Some(&mut key)).inspect_err(|_| self.state = State::Ended)?;
                    if self.peek()? != Some(b':') {
                        self.state = State::Ended;
                        return Err("a colon is missing in the JSON object".into());
                    }
                    self.at += 1;
                    let is_list =
                        key.len() == self.list.len() + 2 && key[1..key.len() - 1] == *self.list.as_bytes();
                    if is_list && self.peek()? == Some(b'[') {
                        self.at += 1;
                        self.state = State::List { in_object: true };
                    } else {
                        self.value(None).inspect_err(|_| self.state = State::Ended)?;
                        self.state = State::Object(found);
                    }
                }
                (State::List { in_object }, Some(b']')) => {
                    self.at += 1;
                    self.state = if in_object { State::Object(true) } else { State::Between };
                }
                (State::List { .. }, Some(b',')) => self.at += 1,
                (State::List { .. }, Some(_)) => {
                    self.value(Some(out)).inspect_err(|_| self.state = State::Ended)?;
                    return Ok(true);
                }
            }
        }
    }
}

/// The wanted values of an element: a tree of keys whose leaves name slots. A key `*` stands for
/// every element of a list.
#[derive(Default)]
pub(super) struct Paths {
    steps: Vec<Step>,
}

#[derive(Default)]
struct Step {
    children: Vec<(String, usize)>,
    /// Slot and rank: of several paths to one slot the lowest rank that has a value counts.
    slots: Vec<(usize, u8)>,
}

#[derive(Default, Clone)]
pub(super) struct Slot {
    pub text: String,
    rank: u8,
}

impl Paths {
    pub fn new() -> Paths {
        Paths { steps: vec![Step::default()] }
    }

    /// Wants the value at `path` (keys joined by points, list positions as numbers) in `slot`.
    pub fn want(&mut self, path: &str, slot: usize, rank: u8) {
        let mut at = 0;
        for key in path.split('.') {
            at = match self.steps[at].children.iter().find(|(k, _)| k == key) {
                Some(&(_, next)) => next,
                None => {
                    let next = self.steps.len();
                    self.steps.push(Step::default());
                    self.steps[at].children.push((key.to_owned(), next));
                    next
                }
            };
        }
        self.steps[at].slots.push((slot, rank));
    }

    /// Reads an element into the slots.
    pub fn read(&self, element: &[u8], slots: &mut [Slot]) -> Result<(), String> {
        for slot in slots.iter_mut() {
            slot.text.clear();
            slot.rank = u8::MAX;
        }
        let mut deserializer = serde_json::Deserializer::from_slice(element);
        Walk { paths: self, at: 0, slots, append: false }
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|e| format!("the JSON is malformed: {e}"))
    }
}

struct Walk<'a> {
    paths: &'a Paths,
    at: usize,
    slots: &'a mut [Slot],
    append: bool,
}

impl Walk<'_> {
    fn put(self, text: &str) {
        if text.is_empty() {
            return;
        }
        for &(slot, rank) in &self.paths.steps[self.at].slots {
            let slot = &mut self.slots[slot];
            if rank < slot.rank {
                slot.text.clear();
                slot.text.push_str(text);
                slot.rank = rank;
            } else if rank == slot.rank && self.append {
                slot.text.push(';');
                slot.text.push_str(text);
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(&value.to_string());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.put(value);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let step = &self.paths.steps[self.at];
        let child = |key: &str| step.children.iter().find(|(k, _)| k == key).map(|&(_, next)| next);
        let every = child("*");
        let mut position = 0usize;
        loop {
            let by_number =
                step.children.iter().find(|(k, _)| k.parse() == Ok(position)).map(|&(_, next)| next);
            let next = by_number.or(every);
            let more = match next {
                Some(at) => list
                    .next_element_seed(Walk { paths: self.paths, at, slots: &mut *self.slots, append: true })?
                    .is_some(),
                None if !step.slots.is_empty() => list
                    .next_element_seed(Walk {
                        paths: self.paths,
                        at: self.at,
                        slots: &mut *self.slots,
                        append: true,
                    })?
                    .is_some(),
                None => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            position += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let children = &self.paths.steps[self.at].children;
        while let Some(child) = map.next_key_seed(Key(children))? {
            match child {
                Some(at) => map.next_value_seed(Walk {
                    paths: self.paths,
                    at,
                    slots: &mut *self.slots,
                    append: self.append,
                })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Key<'a>(&'a [(String, usize)]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        struct Find<'a>(&'a [(String, usize)]);
        impl Visitor<'_> for Find<'_> {
            type Value = Option<usize>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
                Ok(self.0.iter().find(|(k, _)| k == key).map(|&(_, next)| next))
            }
        }
        deserializer.deserialize_str(Find(self.0))
    }
}

/// The names of the keys of an element, for the report of what was not understood.
pub(super) fn keys(element: &[u8]) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Keys<'a>(#[serde(borrow)] std::collections::BTreeMap<Cow<'a, str>, IgnoredAny>);
    serde_json::from_slice::<Keys<'_>>(element)
        .map_or_else(|_| Vec::new(), |k| k.0.keys().map(|k| k.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::{Paths, Records, Slot};

    fn all(text: &str) -> Result<Vec<String>, String> {
        // One byte at a time: the worst cut of a stream.
        struct Drip<'a>(&'a [u8]);
        impl std::io::Read for Drip<'_> {
            fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
                let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
                to[0] = *first;
                self.0 = rest;
                Ok(1)
            }
        }
        let whole = collect(Records::new(text.as_bytes()));
        assert_eq!(whole, collect(Records::new(Drip(text.as_bytes()))));
        whole
    }

    fn collect<R: std::io::Read>(mut records: Records<R>) -> Result<Vec<String>, String> {
        let (mut out, mut element) = (Vec::new(), Vec::new());
        while records.next(&mut element)? {
            out.push(String::from_utf8(element.clone()).unwrap());
        }
        Ok(out)
    }

    #[test]
    fn pages_and_lists() {
        assert_eq!(
            all(r#"[{"a":"]}"}, 2 ,"x\"y",[3]]"#).unwrap(),
            [r#"{"a":"]}"}"#, "2", r#""x\"y""#, "[3]"]
        );
        assert_eq!(
            all(r#"{"next":null,"results":[{"a":{}},{"b":1}],"count":2}
{"results":[],"x":"results"}"#)
            .unwrap(),
            [r#"{"a":{}}"#, r#"{"b":1}"#]
        );
        assert_eq!(all("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn malformed_streams_end_with_a_message() {
        for text in [
            "{",
            "[",
            "[{",
            "[\"",
            "{\"results\":[",
            "{\"results\"}",
            "{\"a\":1}",
            "7",
            "[}",
            "{]",
            "[:]",
            "{,",
        ] {
            assert!(all(text).is_err(), "{text}");
        }
    }

    #[test]
    fn wanted_values() {
        let mut paths = Paths::new();
        paths.want("custom.id", 0, 0);
        paths.want("name", 0, 1);
        paths.want("tags.*.slug", 1, 0);
        paths.want("ends.0.device.id", 2, 0);
        paths.want("aliases", 3, 0);
        let mut slots = vec![Slot::default(); 4];
        let element = br#"{"name":"n","custom":{"id":null},"tags":[{"slug":"a"},{"slug":"b"}],
            "ends":[{"device":{"id":7}},{"device":{"id":8}}],"aliases":["x","y"],"more":{"name":"z"}}"#;
        paths.read(element, &mut slots).unwrap();
        let texts: Vec<&str> = slots.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["n", "a;b", "7", "x;y"]);
    }
}
