use fieldseal::{Class, Record};

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, mask(last4, class = Class::PERSONAL))]
    email: String,
}

fn main() {}
