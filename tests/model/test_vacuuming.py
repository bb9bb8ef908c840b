from dbwright.model.vacuuming import database_step


def test_a_database_name_is_one_word_of_the_shell():
    assert "--dbname shop," in database_step("shop")
    assert "--dbname 'shop; rm -rf ~'," in database_step("shop; rm -rf ~")


def test_a_name_that_vacuumdb_would_read_as_an_address_is_vacuumed_by_sql():
    for name in ("host=elsewhere", "postgres://elsewhere/x", "two\nlines"):
        step = database_step(name)
        assert "vacuumdb" not in step
        assert f'"{name}"' in step
