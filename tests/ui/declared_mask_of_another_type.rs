use fieldseal::class::MaskName;
use fieldseal::field::{Companion, IndexedField, Masking};
use fieldseal::{Class, Field, Mask};

const SHOWN: Class =
    Class::mask_of(&Class::PERSONAL, const { &MaskName::of(&Class::PERSONAL) }, &["app"]);
const MASK: Mask<String> = Mask::new("customer", "value", SHOWN, Masking::EMAIL);
const FIELD: IndexedField<i64> = Field::new("customer", "value", Class::PERSONAL)
    .with("value", &[Companion::mask(&MASK, "value_mask")]);

fn main() {}
