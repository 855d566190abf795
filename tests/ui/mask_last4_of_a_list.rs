use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, mask(last4, readers = ["app"]))]
    value: Vec<String>,
}

fn main() {}
