//! A JSON document as it is written, with the path to each part, so that errors can name it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::context::{NO_NAME, is_name};
use crate::error::Error;

/// A value of JSON. Members are kept in their order, repeated ones too.
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    /// A number with a fraction or an exponent, or beyond 64 bits.
    Float,
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Unsigned(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(u64::try_from(value).map_or(Node::Negative(value), Node::Unsigned))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Float)
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Text(value.into()))
            }

            fn visit_string<E>(self, value: String) -> Result<Node, E> {
                Ok(Node::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = from.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = from.next_entry()? {
                    members.push(member);
                }
                Ok(Node::Object(members))
            }
        }

        from.deserialize_any(Any)
    }
}

/// A part of the document and the path to it.
pub(super) struct At<'n> {
    node: &'n Node,
    path: String,
}

/// The members of an object, all of which are known.
pub(super) struct Members<'n> {
    members: &'n [(String, Node)],
    path: String,
}

/// `[SC-3]` An error that names the path.
pub(super) fn wrong(path: &str, what: &str) -> Error {
    Error::declaration(format!("invalid schema: {path}: {what}"))
}

impl<'n> At<'n> {
    pub(super) fn root(node: &'n Node) -> Self {
        Self { node, path: String::new() }
    }

    pub(super) fn path(&self) -> &str {
        if self.path.is_empty() { "the document" } else { &self.path }
    }

    pub(super) fn wrong(&self, what: &str) -> Error {
        wrong(self.path(), what)
    }

    /// `[SC-4]` An object with these members only, each at most once.
    pub(super) fn object(&self, known: &[&str]) -> Result<Members<'n>, Error> {
        let Node::Object(members) = self.node else { return Err(self.wrong("is not an object")) };
        for (position, (name, _)) in members.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(self.wrong(&format!("has an unknown member: the members are {known}")));
            }
            if members.iter().take(position).any(|(earlier, _)| earlier == name) {
                return Err(self.wrong(&format!("has the member `{name}` twice")));
            }
        }
        Ok(Members { members, path: self.path.clone() })
    }

    /// An object of one member, which is one of these: its name and its value.
    pub(super) fn variant(&self, known: &[&str]) -> Result<(&'n str, Self), Error> {
        self.object(known)?;
        match self.node {
            Node::Object(members) => match members.as_slice() {
                [(name, node)] => Ok((name, Self { node, path: member(&self.path, name) })),
                _ => Err(self.wrong("is not an object of exactly one member")),
            },
            _ => Err(self.wrong("is not an object")),
        }
    }

    pub(super) fn list(&self, most: usize) -> Result<Vec<Self>, Error> {
        let Node::List(items) = self.node else { return Err(self.wrong("is not a list")) };
        if items.len() > most {
            return Err(self.wrong(&format!("has more than {most} entries")));
        }
        let at = |(position, node)| Self { node, path: format!("{}[{position}]", self.path) };
        Ok(items.iter().enumerate().map(at).collect())
    }

    pub(super) fn as_text(&self) -> Option<&'n str> {
        match self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn text(&self, longest: usize) -> Result<&'n str, Error> {
        let text = self.as_text().ok_or_else(|| self.wrong("is not text"))?;
        if text.len() > longest {
            return Err(self.wrong(&format!("is longer than {longest} bytes")));
        }
        Ok(text)
    }

    pub(super) fn name(&self) -> Result<&'n str, Error> {
        let name = self.text(64)?;
        if is_name(name) { Ok(name) } else { Err(self.wrong(NO_NAME)) }
    }

    pub(super) fn bool(&self) -> Result<bool, Error> {
        match self.node {
            Node::Bool(value) => Ok(*value),
            _ => Err(self.wrong("is neither true nor false")),
        }
    }

    pub(super) fn unsigned<T: TryFrom<u64>>(&self) -> Result<T, Error> {
        let number = match self.node {
            Node::Unsigned(number) => T::try_from(*number).ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong("is not a whole number in range"))
    }

    pub(super) fn signed(&self) -> Result<i64, Error> {
        let number = match self.node {
            Node::Unsigned(number) => i64::try_from(*number).ok(),
            Node::Negative(number) => Some(*number),
            _ => None,
        };
        number.ok_or_else(|| self.wrong("is not a whole number in range"))
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Error> {
        let found = self.as_text().and_then(|text| words.iter().find(|(word, _)| *word == text));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(&format!("is not one of: {}", words.join(", ")))
        })
    }
}

impl<'n> Members<'n> {
    /// A member that may be absent or null.
    pub(super) fn get(&self, name: &str) -> Option<At<'n>> {
        let (_, node) = self.members.iter().find(|(known, _)| known == name)?;
        let is_there = !matches!(node, Node::Null);
        is_there.then(|| At { node, path: member(&self.path, name) })
    }

    pub(super) fn need(&self, name: &str) -> Result<At<'n>, Error> {
        let missing = || wrong(&member(&self.path, name), "is missing");
        self.get(name).ok_or_else(missing)
    }

    /// What is read from the member, or the default where it is absent.
    pub(super) fn or<T>(
        &self,
        name: &str,
        default: T,
        read: impl FnOnce(&At<'n>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.get(name).map_or(Ok(default), |at| read(&at))
    }
}

fn member(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}
