"""A mask servicer that passes calls on to another server."""

import grpc
from visum.v1 import mask_pb2_grpc


class ForwardingMask(mask_pb2_grpc.MaskServiceServicer):
    """Answers what the server at an address answers."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def ExtractMask(self, request, context):
        async with grpc.aio.insecure_channel(self._address) as channel:
            return await mask_pb2_grpc.MaskServiceStub(channel).ExtractMask(request)

    async def MeasureDrops(self, request, context):
        async with grpc.aio.insecure_channel(self._address) as channel:
            return await mask_pb2_grpc.MaskServiceStub(channel).MeasureDrops(request)

    async def ListModels(self, request, context):
        async with grpc.aio.insecure_channel(self._address) as channel:
            return await mask_pb2_grpc.MaskServiceStub(channel).ListModels(request)
