"""Locust users: applications that tell their traces over HTTP and gRPC. Importing the locustfile patches the interpreter for gevent."""
