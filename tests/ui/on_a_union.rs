use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
union Customer {
    id: i64,
}

fn main() {}
