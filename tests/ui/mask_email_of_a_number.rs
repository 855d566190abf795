use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, mask(email, readers = ["app"]))]
    value: i64,
}

fn main() {}
