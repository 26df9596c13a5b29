"""Simulated Engines by the hundred, which speak the real protocol over real sockets.

What cannot be had of real Engines on one machine is their number. A simulated one answers what was
recorded off a real one (`recorded/`, made by `record.py`), filled in from a model of one host whose
containers live from a seed. It is read only: it lists, inspects, samples, tells events and logs.

From a terminal, until Ctrl-C::

    python -m tests.lab.simulated --hosts 100 --containers 50 --seed 7 --folder /tmp/s --rate 0.1

From a test::

    with Simulated(hosts=20, containers=20, seed=7) as simulated:
        start_fleet(simulated.config)
        simulated.control.cut("sim-003")
        assert simulated.control.says("sim-001").containers == ...
"""
