//! What the crate answers to a question for pseudonyms, in the JSON forms of `tests/reference`.

use fieldseal::{Access, Error, ErrorKind, Id, RowId, ToId as _};
use serde_json::{Value, json};

use super::forms::{hex, id, kind, list, ring, text};

/// The pseudonyms of a subject in each form: by the primary key, or all of them.
pub(crate) fn pseudonyms(request: &Value, all: bool) -> Result<Value, ErrorKind> {
    let ring = ring(&request["ring"]);
    let mut access = Access::new(&ring).tenant(text(&request["tenant"]));
    if request["rescue"] == true {
        access = access.rescue();
    }
    let made = kind(access.pseudonyms(text(&request["purpose"])))?;
    // Where there is no key, that is answered first.
    let subject = kind(subject(&request["subject"]))?;
    if all {
        let tokens = kind(made.tokens(&subject))?;
        let tokens: Vec<String> = tokens.iter().map(|token| hex(token.as_bytes())).collect();
        let uuids = kind(made.uuids(&subject))?;
        let uuids: Vec<String> = uuids.iter().map(ToString::to_string).collect();
        Ok(json!({"token": tokens, "uuid": uuids, "text": kind(made.texts(&subject))?}))
    } else {
        let token = kind(made.token(&subject))?;
        Ok(json!({
            "token": hex(token.as_bytes()),
            "uuid": kind(made.uuid(&subject))?.to_string(),
            "text": kind(made.text(&subject))?,
        }))
    }
}

/// As the crate takes it, or refuses to.
fn subject(value: &Value) -> Result<Id, Error> {
    let Some((form, of)) = value.as_object().and_then(|members| members.iter().next()) else {
        return RowId::SINGLE.to_id();
    };
    match form.as_str() {
        "text" => text(of).to_id(),
        "int" => text(of).parse::<i128>().unwrap().to_id(),
        "composite" if list(of).len() == 2 => (subject(&of[0])?, subject(&of[1])?).to_id(),
        _ => Ok(id(value).unwrap()),
    }
}
