use fieldseal::field::{Companion, IndexedField};
use fieldseal::{Class, Field, Index};

const INDEX: Index<i64> = Index::exact("customer", "value").cardinality(1_000_000);
const FIELD: IndexedField<String> = Field::new("customer", "value", Class::PERSONAL)
    .with("value", &[Companion::index(&INDEX, "value_index")]);

fn main() {}
