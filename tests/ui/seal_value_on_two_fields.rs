use fieldseal::SealValue;

#[derive(SealValue)]
struct Name {
    first: String,
    last: String,
}

fn main() {}
