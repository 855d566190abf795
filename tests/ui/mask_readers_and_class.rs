use fieldseal::{Class, Record};

const SHOWN: Class = Class::new("shown");

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, mask(last4, class = SHOWN, readers = ["support"]))]
    email: String,
}

fn main() {}
