"""What a worker of the daemon's is: loaded as quickly as that can be."""

from txregistry.heap import loading

with loading():
    from txregistry.commands.worker import main

if __name__ == "__main__":
    main()
