//! A subject's id as a receipt spells it: for people and exact at once.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::context::{Id, SubjectId};
use crate::encoding::{Put as _, from_base64, from_hex, to_base64, to_hex};

/// `[RE-3]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SpelledId {
    Bytes(String),
    Integer(String),
    Parts(Vec<SpelledId>),
    Text(String),
    Uuid(String),
}

impl SpelledId {
    pub(super) fn of(id: &[u8]) -> Option<Self> {
        let (kind, body) = id.split_first()?;
        Some(match kind {
            0x01 => Self::Integer(u64::from_be_bytes(body.try_into().ok()?).to_string()),
            0x02 => Self::Text(core::str::from_utf8(body).ok()?.to_owned()),
            0x03 => Self::Uuid(to_hex(body)),
            0x04 => Self::Bytes(to_base64(body)),
            0x05 => Self::Integer(i64::from_be_bytes(body.try_into().ok()?).to_string()),
            0x06 => {
                let (mut parts, mut rest) = (Vec::new(), body);
                while let Some((len, tail)) = rest.split_first() {
                    let (part, tail) = tail.split_at_checked(usize::from(*len))?;
                    parts.push(Self::of(part)?);
                    rest = tail;
                }
                Self::Parts(parts)
            }
            _ => return None,
        })
    }

    pub(super) fn subject(&self) -> Option<SubjectId> {
        let id = Id::from_encoded(&self.encoded()?).ok()?;
        // One spelling for each id.
        (Self::of(id.as_bytes()).as_ref() == Some(self)).then(|| SubjectId::new(id).ok())?
    }

    fn encoded(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Self::Integer(digits) => match digits.parse::<u64>() {
                Ok(number) => {
                    bytes.put_u8(0x01);
                    bytes.put_u64(number);
                }
                Err(_) => {
                    bytes.put_u8(0x05);
                    bytes.put(&digits.parse::<i64>().ok()?.to_be_bytes());
                }
            },
            Self::Text(text) => {
                bytes.put_u8(0x02);
                bytes.put(text.as_bytes());
            }
            Self::Uuid(digits) => {
                bytes.put_u8(0x03);
                bytes.put(&from_hex::<16>(digits)?);
            }
            Self::Bytes(text) => {
                bytes.put_u8(0x04);
                bytes.put(&from_base64(text)?);
            }
            Self::Parts(parts) => {
                bytes.put_u8(0x06);
                for part in parts {
                    // No composite inside a composite.
                    if matches!(part, Self::Parts(_)) {
                        return None;
                    }
                    let part = part.encoded().filter(|part| part.len() <= 255)?;
                    bytes.put_s8(&part);
                }
            }
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::ToId as _;

    #[test]
    fn ids_have_one_spelling() {
        let ids = [
            42_u64.to_id(),
            (-42_i64).to_id(),
            u64::MAX.to_id(),
            "ada \"quoted\" \u{7}".to_id(),
            [1_u8, 2, 3].as_slice().to_id(),
            Ok(Id::from_uuid_bytes([7; 16])),
            ("shop", 7_u64).to_id(),
        ];
        for id in ids {
            let subject = SubjectId::new(id.unwrap()).unwrap();
            let spelled = SpelledId::of(subject.as_bytes()).unwrap();
            assert_eq!(spelled.subject(), Some(subject));
        }
        for bad in ["", "+1", "007", "-0", "18446744073709551616", "1.5", "x"] {
            assert_eq!(SpelledId::Integer(bad.into()).subject(), None, "{bad}");
        }
        let nested = SpelledId::Parts(Vec::new());
        assert_eq!(SpelledId::Parts(alloc::vec![nested.clone(), nested]).subject(), None);
        assert_eq!(SpelledId::Text(String::new()).subject(), None);
        assert_eq!(SpelledId::Uuid("00".into()).subject(), None);
    }
}
