//! The classes of an application, from a file.

use std::path::Path;

use fieldseal::class::OwnedClass;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::files::{self, Content};

/// The classes in a file: a `Catalog`, or a list of classes, as the library serializes them.
pub(super) fn read(path: &Path) -> Result<Vec<OwnedClass>, Failure> {
    let wrong = |what: &str| {
        Failure::new(
            Exit::Malformed,
            format!("{}: {what}", path.display()),
            "let the application write it: its Catalog, or a list of its Class constants, by serde_json",
        )
    };
    let bytes = files::read(path, Content::Document)?;
    let json: Value = serde_json::from_str(files::text(path, &bytes)?)
        .map_err(|error| wrong(&format!("no JSON: {error}")))?;
    let mut found: Vec<&Value> = Vec::new();
    match &json {
        Value::Array(classes) => found.extend(classes),
        Value::Object(members) if members.contains_key("schemas") => {
            let schemas = members.get("schemas").and_then(Value::as_array);
            for schema in schemas.ok_or_else(|| wrong("no catalog"))? {
                let fields = schema.get("fields").and_then(Value::as_array);
                for field in fields.ok_or_else(|| wrong("no catalog"))? {
                    found.push(field.get("class").ok_or_else(|| wrong("a field without a class"))?);
                    found.extend(field.get("was").filter(|was| !was.is_null()));
                    found.extend(of_masks(field));
                }
            }
        }
        Value::Object(_) => found.push(&json),
        _ => return Err(wrong("neither a catalog nor a list of classes")),
    }
    let mut classes: Vec<OwnedClass> = Vec::new();
    for value in found {
        let class: OwnedClass =
            serde_json::from_value(value.clone()).map_err(|error| wrong(&error.to_string()))?;
        match classes.iter().find(|other| other.class().name() == class.class().name()) {
            Some(other) if *other != class => {
                return Err(wrong(&format!(
                    "class `{}` is declared in two ways",
                    class.class().name()
                )));
            }
            Some(_) => {}
            None => classes.push(class),
        }
    }
    Ok(classes)
}

/// The classes of a field's masks, present and former.
fn of_masks(field: &Value) -> impl Iterator<Item = &Value> {
    let companions = field.get("companions").and_then(Value::as_array);
    let masks = companions.into_iter().flatten().filter_map(|one| one.pointer("/what/mask"));
    let classes = masks.flat_map(|mask| [mask.get("class"), mask.get("was")]).flatten();
    classes.filter(|class| !class.is_null())
}

/// The class of this name among them.
pub(super) fn read_one(path: &Path, name: &str) -> Result<OwnedClass, Failure> {
    let classes = read(path)?;
    classes.iter().find(|class| class.class().name() == name).cloned().ok_or_else(|| {
        let names: Vec<_> = classes.iter().map(|class| class.class().name()).collect();
        Failure::new(
            Exit::Usage,
            format!("{} declares no class `{name}`", path.display()),
            format!("name one of those that it declares: {}", names.join(", ")),
        )
    })
}
