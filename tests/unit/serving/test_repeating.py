import threading

from tidemark.serving.repeating import Repeating


def test_what_fails_is_done_again_until_it_is_closed(caplog):
    done, enough = [], threading.Event()

    def fail_first() -> None:
        done.append(1)
        if len(done) == 3:
            enough.set()
        if len(done) == 1:
            raise ValueError("the first time")

    repeating = Repeating("test", fail_first, 0.001)
    repeating.start()
    assert enough.wait(10)
    repeating.close()
    count = len(done)
    assert repeating.failures == 1
    assert "test failed" in caplog.text
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]
    assert len(done) == count


def test_what_never_started_can_be_closed():
    Repeating("test", lambda: None, 1).close()
