//! Which key of which token, by a URI of RFC 7512.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::error::Error;

/// A key of a PKCS#11 token, by a URI of RFC 7512: `pkcs11:token=prod;object=fieldseal`.
///
/// It names and does nothing: as an [`Unlock`](crate::keyring::Unlock) it makes requests and reads replies,
/// and [`Pkcs11`](crate::pkcs11::Pkcs11) takes them to the token. The key itself is AES-256, and never
/// leaves the token.
///
/// | attribute | what it is compared with | |
/// |---|---|---|
/// | `token` | the token's label | at most 32 bytes |
/// | `manufacturer`, `model` | what made it | at most 32 and 16 bytes |
/// | `serial` | its serial number | at most 16 bytes |
/// | `object` | the key's label | |
/// | `id` | the key's id, bytes | |
/// | `type` | accepted if it is `secret-key` | |
///
/// `token` or `serial` is needed, and `object` or `id`; each attribute stands once. What is not
/// unreserved or `:[]@!$'()*+,=&` is percent-encoded. A URI opens the slot that it was made for, and so
/// does one that adds attributes to it: where a second token has the same label, add `serial=`. Other
/// attributes are refused, and so is the part
/// behind a `?`, which is where PINs are written: the URI is recorded in ring documents, in the
/// clear.
///
/// ```
/// use fieldseal::pkcs11::Pkcs11Key;
///
/// let key = Pkcs11Key::from_uri("pkcs11:object=fieldseal;token=Main%20HSM;type=secret-key")?;
/// assert_eq!(key.as_str(), "pkcs11:token=Main%20HSM;object=fieldseal");
/// assert_eq!(key, Pkcs11Key::new("Main HSM", "fieldseal")?);
///
/// assert!(Pkcs11Key::from_uri("pkcs11:token=prod;object=fieldseal?pin-value=1234").is_err());
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pkcs11Key {
    /// The one form of what follows. Two keys are equal if and only if their URIs are.
    uri: String,
    parts: Parts,
}

/// The attributes, decoded.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Parts {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
}

impl Parts {
    /// Where the text of this attribute goes.
    fn text(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "token" => Some(&mut self.token),
            "manufacturer" => Some(&mut self.manufacturer),
            "model" => Some(&mut self.model),
            "serial" => Some(&mut self.serial),
            "object" => Some(&mut self.object),
            _ => None,
        }
    }
}

impl Pkcs11Key {
    /// The key labelled `object` of the token labelled `token`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if a label is empty, the token's is longer
    /// than 32 bytes, or the URI of both is longer than 512.
    pub fn new(token: &str, object: &str) -> Result<Self, Error> {
        Self::from_parts(Parts {
            token: Some(text("token", token.as_bytes().to_vec())?),
            object: Some(text("object", object.as_bytes().to_vec())?),
            ..Parts::default()
        })
    }

    /// Reads a URI. The attributes may stand in any order, and what need not be percent-encoded may
    /// be.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for what is no such URI, says too little, or
    /// says what this crate does not compare. The message names the attribute and no value.
    pub fn from_uri(uri: &str) -> Result<Self, Error> {
        let path = uri.strip_prefix(SCHEME).ok_or_else(|| {
            Error::invalid(
                "a PKCS#11 key is named by a URI, such as `pkcs11:token=prod;object=fieldseal`",
            )
        })?;
        if path.contains('?') {
            return Err(Error::invalid(
                "a PKCS#11 key's URI ends before the `?`: it is recorded in ring documents, so the \
                 PIN and the module are given apart",
            ));
        }
        let mut parts = Parts::default();
        let mut typed = false;
        for attribute in path.split(';') {
            let (name, value) = attribute.split_once('=').ok_or_else(|| {
                Error::invalid(
                    "a PKCS#11 key's URI is `pkcs11:` and attributes `name=value` with `;` between",
                )
            })?;
            let once = match (name, parts.text(name)) {
                (_, Some(part)) => part.replace(text(name, decode(name, value)?)?).is_none(),
                ("id", _) => parts.id.replace(bounded(name, decode(name, value)?)?).is_none(),
                ("type", _) if decode(name, value)? == b"secret-key" => {
                    !core::mem::replace(&mut typed, true)
                }
                ("type", _) => {
                    return Err(Error::invalid(
                        "the `type` of a PKCS#11 key's URI must be `secret-key`: slots are \
                         wrapped by AES keys",
                    ));
                }
                _ => return Err(unknown(name)),
            };
            if !once {
                return Err(Error::invalid(format!(
                    "`{name}` stands twice in a PKCS#11 key's URI: say it once"
                )));
            }
        }
        Self::from_parts(parts)
    }

    /// The URI in its one form: the attributes in the order of the table above, without `type`, and
    /// everything percent-encoded that is not unreserved; of `id`, everything. 1 to 512 bytes of
    /// printable ASCII.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// Whether this URI has each attribute of the other, of the same value: by RFC 7512 it then names the
    /// same key or, where the other names several, one of them.
    pub(super) fn says_all_of(&self, other: &Self) -> bool {
        fn held<T: PartialEq>(by: &Option<T>, other: &Option<T>) -> bool {
            other.is_none() || by == other
        }
        let (this, other) = (&self.parts, &other.parts);
        held(&this.token, &other.token)
            && held(&this.manufacturer, &other.manufacturer)
            && held(&this.model, &other.model)
            && held(&this.serial, &other.serial)
            && held(&this.object, &other.object)
            && held(&this.id, &other.id)
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.parts
    }

    fn from_parts(parts: Parts) -> Result<Self, Error> {
        if parts.token.is_none() && parts.serial.is_none() {
            return Err(Error::invalid(
                "a PKCS#11 key's URI must name its token: add `token=` or `serial=`",
            ));
        }
        if parts.object.is_none() && parts.id.is_none() {
            return Err(Error::invalid(
                "a PKCS#11 key's URI must name the key: add `object=` or `id=`",
            ));
        }
        let mut uri = SCHEME.to_owned();
        for (name, value) in [
            ("token", parts.token.as_deref()),
            ("manufacturer", parts.manufacturer.as_deref()),
            ("model", parts.model.as_deref()),
            ("serial", parts.serial.as_deref()),
            ("object", parts.object.as_deref()),
        ] {
            if let Some(value) = value {
                attribute(&mut uri, name, value.as_bytes(), is_unreserved);
            }
        }
        if let Some(id) = &parts.id {
            attribute(&mut uri, "id", id, |_| false);
        }
        if uri.len() > MAX_URI {
            return Err(Error::invalid(format!(
                "a PKCS#11 key's URI is at most {MAX_URI} bytes: give the key a shorter label, or an id"
            )));
        }
        Ok(Self { uri, parts })
    }
}

impl FromStr for Pkcs11Key {
    type Err = Error;

    fn from_str(uri: &str) -> Result<Self, Error> {
        Self::from_uri(uri)
    }
}

impl fmt::Display for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Key({})", self.uri)
    }
}

/// RFC 3986, 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 7512, 2.3: what a path attribute may hold as it is.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte) || b":[]@!$'()*+,=&".contains(&byte)
}

fn decode(name: &str, value: &str) -> Result<Vec<u8>, Error> {
    let refused = || {
        Error::invalid(format!(
            "`{name}` of a PKCS#11 key's URI must be percent-encoded: a space is `%20`, `/` is `%2F`, \
             `%` itself `%25`"
        ))
    };
    let digit = |byte: Option<u8>| {
        let digit = char::from(byte?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => decoded.push(high << 4 | low),
                _ => return Err(refused()),
            }
        } else if is_plain(byte) {
            decoded.push(byte);
        } else {
            return Err(refused());
        }
    }
    Ok(decoded)
}

fn bounded(name: &str, value: Vec<u8>) -> Result<Vec<u8>, Error> {
    let most = SIZES.iter().find(|(of, _)| *of == name).map_or(MAX_URI, |(_, size)| *size);
    if value.is_empty() || value.len() > most {
        return Err(Error::invalid(format!("`{name}` of a PKCS#11 key must be 1 to {most} bytes")));
    }
    Ok(value)
}

fn text(name: &str, value: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bounded(name, value)?)
        .map_err(|_| Error::invalid(format!("`{name}` of a PKCS#11 key must be UTF-8")))
}

fn attribute(uri: &mut String, name: &str, value: &[u8], plain: impl Fn(u8) -> bool) {
    if uri.len() > SCHEME.len() {
        uri.push(';');
    }
    uri.push_str(name);
    uri.push('=');
    for byte in value {
        if plain(*byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The name is shown if it can be one; it might be anything that was pasted.
fn unknown(name: &str) -> Error {
    let known = "token, serial, manufacturer, model, object, id and type";
    if name.starts_with("pin-") {
        return Error::invalid(
            "a PIN has no place in a PKCS#11 key's URI, which is recorded in ring documents: give \
             it apart",
        );
    }
    let is_name = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    Error::invalid(if is_name {
        format!("`{name}` of a PKCS#11 key's URI is not compared here: use {known}")
    } else {
        format!("a PKCS#11 key's URI has an attribute that is none: use {known}")
    })
}

const SCHEME: &str = "pkcs11:";
/// What a slot records of a service's key.
const MAX_URI: usize = 512;
/// The sizes of CK_TOKEN_INFO; what is longer would never match.
const SIZES: &[(&str, usize)] =
    &[("token", 32), ("manufacturer", 32), ("model", 16), ("serial", 16)];
