//! Schemas from any text: refused, or read, used and written again without a difference.

use fieldseal::field::{Masking, Value};
use fieldseal::index::Normalizer;
use fieldseal::record::{Custom, OwnedSchema, Rows};
use fieldseal::{Catalog, Error, ErrorKind};

use super::{access, keys, ring};

const NORMALIZERS: &[Normalizer] = &[Normalizer::custom("upper", |text| Some(text.to_uppercase()))];
const MASKINGS: &[Masking] = &[Masking::custom("initial", |text| text.get(..1).map(Into::into))];

pub(crate) fn read(json: &str) -> Result<OwnedSchema, Error> {
    OwnedSchema::from_json_with(json, Custom::new(NORMALIZERS, MASKINGS))
}

pub(crate) fn schema(data: &[u8]) {
    let Ok(json) = std::str::from_utf8(data) else { return };
    let read = match read(json) {
        Ok(read) => read,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Declaration | ErrorKind::Unsupported));
            return;
        }
    };
    let schema = read.schema();
    let written = schema.to_json();
    let again = self::read(&written).unwrap();
    assert_eq!(*again.schema(), *schema);
    assert_eq!(again.schema().to_json(), written);
    Catalog::new(&[schema, again.schema()]).unwrap();

    let values = [Value::Null, Value::from("Ada 42"), Value::from(7), Value::Bool(true)];
    for field in schema.fields() {
        let mut declared = schema.dynamic_field(field.id).unwrap();
        if schema.rows() == Rows::Many {
            declared = declared.row(7).unwrap();
        }
        for value in &values {
            if let Ok(update) = declared.update(keys(), value) {
                let column = update.value.as_ref().map(fieldseal::Sealed::as_bytes);
                assert!(declared.open(keys(), column).unwrap() == *value, "it opens as it was");
            }
        }
        for companion in field.companions {
            let Some(id) = companion.index_id() else { continue };
            let index = schema.dynamic_index(id).unwrap();
            for value in &values {
                let _ = index.query(access(), value);
                let _ = index.between(ring(), ..Value::from(7));
            }
        }
    }
}
