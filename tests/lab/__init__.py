"""Real Docker Engines, sshd, PostgreSQL, TLS and network namespaces on one machine.

The lab is plain synchronous Python: its parts come from fixtures (``lab``, ``any_engine``) or as
context managers, in trio through ``trio.to_thread.run_sync`` where they would block for long::

    with Namespace() as host, Sshd(host) as server, Engine.start("sid", namespace=host) as engine:
        engine.run_containers(60)
        host.link_down()

Everything it starts belongs to a run folder of the process that started it. What a killed process
left behind is found and removed by the next one, or by ``python -m tests.lab.sweep``.
"""
