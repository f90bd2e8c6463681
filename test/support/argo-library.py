"""Drives argo-ams-library: one JSON command a line on standard input, one JSON answer a line on standard output."""
import base64
import json
import sys

from argo_ams_library import AmsException, AmsMessage, ArgoMessagingService


def main():
    """endpoint, project, token (or certificate, key and port of the authentication), CA file"""
    start = json.loads(sys.stdin.readline())
    more = {"verify": start["ca"]}
    if "token" in start:
        ams = ArgoMessagingService(endpoint=start["endpoint"], project=start["project"], token=start["token"])
    else:
        # It takes one name for both ports, and trusts what requests trusts: told by REQUESTS_CA_BUNDLE.
        host = start["endpoint"].split(":")[0]
        ams = ArgoMessagingService(
            endpoint=host,
            project=start["project"],
            cert=start["certificate"],
            key=start["key"],
            authn_port=start["authPort"],
        )
        ams.endpoint = start["endpoint"]
    print(json.dumps({"token": ams.token}), flush=True)
    for line in sys.stdin:
        try:
            answer = work(ams, json.loads(line), more)
        except AmsException as error:
            answer = {"error": type(error).__name__, "code": getattr(error, "code", 0), "message": str(error)}
        print(json.dumps(answer), flush=True)


def work(ams, command, more):
    """One command."""
    name = command["name"]
    if name == "create":
        ams.topic(command["topic"], **more)
        subscription = ams.create_sub(command["topic"], command["topic"], **more)
        return {"deadline": subscription["ackDeadlineSeconds"]}
    if name == "publish":
        messages = [
            AmsMessage(data=base64.b64decode(each["body"]), attributes={} if each["id"] is None else {"empaid": each["id"]})
            for each in command["messages"]
        ]
        return ams.publish(command["topic"], messages, **more)
    if name == "pull":
        pulled = ams.pull_sub(command["subscription"], command["count"], True, **more)
        return {
            "messages": [
                {
                    "ackId": ack_id,
                    "id": message.get_attr().get("empaid"),
                    "body": base64.b64encode(message.get_data()).decode(),
                }
                for ack_id, message in pulled
            ]
        }
    if name == "acknowledge":
        return {"done": ams.ack_sub(command["subscription"], command["ids"], **more)}
    if name == "offsets":
        return ams.getoffsets_sub(command["subscription"], **more)
    raise ValueError(name)


main()
