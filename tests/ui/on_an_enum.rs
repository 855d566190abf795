use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
enum Customer {
    Known,
}

fn main() {}
